import { describe, expect, test } from 'vitest';

import type { PushStatus } from '../service.ts';
import { counted, span } from './plain-words.ts';
import type { SubscriptionFacts } from './subscription-facts.ts';
import { subscriptionFindings } from './subscription-findings.ts';

/** Three messages wait, and a stream that is free takes them. */
const moving: SubscriptionFacts = {
  isTopicDeleted: false,
  key: { name: 'key', isUsable: true },
  waitingKey: { name: 'key', isUsable: true },
  push: null,
  unackedCount: 4,
  outstandingCount: 1,
  oldestUnackedAgeSeconds: 1,
  retentionSeconds: 600,
  consumerCount: 1,
  streams: { ok: 1 },
  streamCount: 1,
  heldBy: null,
  waiting: { orderCount: 0, retryCount: 0 },
  transforms: { failingCount: 0, isStalled: false },
  deadLetters: null,
  nextDeadlineSeconds: 9,
  idleSeconds: 0,
};

const pushed: PushStatus = {
  endpoint: 'https://example.com/hook',
  window: 3,
  outstandingCount: 1,
  backoffMs: 0,
  stalledBy: null,
  lastFailure: null,
};

const lastFailure = {
  responseClass: 'remote_server_5xx',
  code: '503',
  failingSeconds: 599,
  text: 'The endpoint answered 503.',
} as const;

function reasons(facts: Partial<SubscriptionFacts>): string[] {
  return subscriptionFindings({ ...moving, ...facts }).map(({ reason }) => reason);
}

test('what moves says so, and how much there is', () => {
  expect(subscriptionFindings(moving)).toEqual([
    {
      severity: 'info',
      reason: 'MOVING',
      message: 'Messages are being delivered: 3 messages to go, 1 with subscribers.',
    },
  ]);
});

describe('push', () => {
  const ofPush = { consumerCount: 0, streamCount: 0, streams: {} };

  test('that goes well needs no other consumer', () => {
    expect(reasons({ ...ofPush, push: pushed })).toEqual(['MOVING']);
  });

  test('that stands still says why, and nothing of its back-off', () => {
    const stalledBy = { reason: 'KEY_DISABLED', message: 'The key is disabled.' };
    const push = { ...pushed, stalledBy, backoffMs: 100, lastFailure };
    const [finding, ...more] = subscriptionFindings({ ...moving, ...ofPush, push });
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'error', reason: 'PUSH_STALLED' });
    expect(finding?.message).toBe(
      'Push to https://example.com/hook stands still. KEY_DISABLED: The key is disabled.',
    );
  });

  test('that backs off says for how long, and what came last', () => {
    const push = { ...pushed, backoffMs: 60_000, lastFailure };
    const [finding] = subscriptionFindings({ ...moving, ...ofPush, push });
    expect(finding).toMatchObject({ severity: 'warning', reason: 'PUSH_BACKING_OFF' });
    expect(finding?.message).toContain('waits 60 seconds after failed requests. The last one: The');
  });

  test.each([0, 60_000])('to an address that may not be called is an error', (backoffMs) => {
    const text = '10.0.0.1 port 80 may not be called: a private address.';
    const failure = { ...lastFailure, code: 'address_refused', text, failingSeconds: 900 };
    const push = { ...pushed, backoffMs, lastFailure: failure };
    expect(subscriptionFindings({ ...moving, ...ofPush, push })).toEqual([
      {
        severity: 'error',
        reason: 'PUSH_ADDRESS_REFUSED',
        message: `Push to https://example.com/hook delivers nothing. ${text}`,
      },
    ]);
  });

  test.each([0, 60_000])('that has failed for ten minutes is an error', (backoffMs) => {
    const push = { ...pushed, backoffMs, lastFailure: { ...lastFailure, failingSeconds: 600 } };
    const findings = subscriptionFindings({ ...moving, ...ofPush, push });
    expect(findings).toMatchObject([{ severity: 'error', reason: 'PUSH_FAILING_LONG' }]);
    expect(reasons({ ...ofPush, push, unackedCount: 0, outstandingCount: 0 })).not.toContain(
      'PUSH_FAILING_LONG',
    );
    expect(findings[0]?.message).toContain('has failed for 10 minutes. The last one: The endpoint');
  });

  test('whose last request failed says so until one succeeds', () => {
    expect(reasons({ ...ofPush, push: { ...pushed, lastFailure } })).toEqual(['PUSH_FAILING']);
  });
});

describe('streams', () => {
  test('that are held for several reasons are told one by one', () => {
    const streams = {
      suspended_max_outstanding_messages_exceeded: 2,
      suspended_client_flow_controlled: 1,
    };
    const held = { streams, streamCount: 3, consumerCount: 3 };
    expect(reasons(held)).toEqual(['STREAMS_HELD_BY_MESSAGES', 'STREAMS_HELD_BY_CLIENT']);
  });

  test('that are held do no harm beside one that is free, or a Pull that waits', () => {
    const streams = { suspended_max_outstanding_bytes_exceeded: 1 };
    const held = { streams, streamCount: 1, consumerCount: 1 };
    expect(reasons(held)).toEqual(['STREAMS_HELD_BY_BYTES']);
    expect(reasons({ ...held, consumerCount: 2 })).toEqual(['MOVING']);
    expect(reasons({ ...held, streams: { ...streams, ok: 1 } })).toEqual(['MOVING']);
  });
});

test('an age that the disk cannot tell is no finding', () => {
  expect(reasons({ oldestUnackedAgeSeconds: NaN })).toEqual(['MOVING']);
  expect(reasons({ oldestUnackedAgeSeconds: 540 })).toEqual(['RETENTION_NEAR']);
  expect(reasons({ oldestUnackedAgeSeconds: 539 })).toEqual(['MOVING']);
});

test('without a usable key nobody can listen, and nobody is missed', () => {
  const key = { name: 'key', isUsable: false, reason: 'KEY_DISABLED', message: 'Disabled.' };
  expect(reasons({ key, consumerCount: 0, streamCount: 0, streams: {} })).toEqual(['KEY_UNUSABLE']);
});

test('without the key that opens the next message nothing is delivered, whoever listens', () => {
  const waitingKey = { name: 'key', isUsable: false, reason: 'KEY_DISABLED', message: 'Disabled.' };
  const [finding, ...more] = subscriptionFindings({ ...moving, waitingKey, consumerCount: 0 });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity: 'error', reason: 'KEY_UNUSABLE' });
  expect(finding?.message).toContain('KEY_DISABLED: Disabled.');
});

test.each([
  [0.04, 'under a second'],
  [0.99, 'under a second'],
  [1.25, '1.3 seconds'],
  [119.6, '120 seconds'],
  [120, '2 minutes'],
  [7_199, '120 minutes'],
  [7_200, '2 hours'],
  [172_800, '2 days'],
])('%d s are %s', (seconds, words) => {
  expect(span(seconds)).toBe(words);
});

test('one is a message, two are messages', () => {
  expect([1, 2, 1_234_567].map((count) => counted(count, 'message'))).toEqual([
    '1 message',
    '2 messages',
    '1,234,567 messages',
  ]);
});
