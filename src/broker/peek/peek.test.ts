import { describe, expect, test } from 'vitest';

import { BrokerHarness, subscriptionName } from '../../../test/support/broker-harness.ts';
import { decodeMessage, sealableMessage } from '../index.ts';
import type { RpcError } from '../../rpc/index.ts';
import { peekLimits, type PeekedMessage, type PeekRequest } from './backlog-views.ts';

interface Seen extends PeekedMessage {
  readonly text: string;
}

interface SeenPage {
  readonly seen: Seen[];
  readonly nextPageToken: string;
}

const all: PeekRequest = { ...peekLimits, pageToken: '' };

async function page(
  harness: BrokerHarness,
  subscription: string,
  request: Partial<PeekRequest> = {},
): Promise<SeenPage> {
  const answer = harness.broker.views.peek(
    subscription,
    { ...all, ...request },
    ({ messages, nextPageToken }) => ({
      nextPageToken,
      seen: messages.map((message) => ({
        ...message,
        text: Buffer.from(decodeMessage(message.bytes).data).toString(),
      })),
    }),
  );
  return await harness.until(answer);
}

/** `one two*`: texts in order, with a star where a message is outstanding. */
async function look(harness: BrokerHarness, subscription: string): Promise<string> {
  const { seen } = await page(harness, subscription);
  return seen.map(({ text, state }) => text + (state === 'outstanding' ? '*' : '')).join(' ');
}

async function publishColoured(
  harness: BrokerHarness,
  topic: string,
  texts: string,
): Promise<void> {
  const messages = texts.split(' ').map((text) => {
    const attributes = [['colour', text.replace(/\d+$/, '')]] as const;
    return sealableMessage({ data: Buffer.from(text), attributes, orderingKey: '' });
  });
  await harness.until(harness.broker.publish(topic, messages));
}

const refusalOf = (call: Promise<unknown>): Promise<RpcError> =>
  call.then(
    () => expect.unreachable('it was not refused'),
    (error: unknown) => error as RpcError,
  );

async function open(more = {}): Promise<{
  harness: BrokerHarness;
  topic: string;
  billing: string;
}> {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const billing = await harness.createSubscription('billing', topic, more);
  return { harness, topic, billing };
}

describe('what is shown', () => {
  test('all that is not acknowledged, in order, and which of it is outstanding', async () => {
    const { harness, topic, billing } = await open();
    await harness.publish(topic, 'one', 'two', 'three');
    const [first, second] = await harness.pull(billing, 2);
    await harness.acknowledge(billing, [first!.ackId]);
    expect(await look(harness, billing)).toBe('two* three');
    const { seen } = await page(harness, billing);
    expect(seen[0]).toMatchObject({
      messageId: second!.messageId,
      publishTimeMs: second!.publishTimeMs,
      endTimeMs: harness.clock.wallMs() + 10_000,
    });
    expect(seen[1]).toMatchObject({ state: 'waiting', endTimeMs: null, deliveryAttempt: 1 });
    await harness.close();
  });

  test('when a lease ends moves with its deadline, and a failed delivery is counted', async () => {
    const { harness, topic, billing } = await open({
      retryPolicy: { minimumBackoffMs: 5_000, maximumBackoffMs: 5_000 },
    });
    await harness.publish(topic, 'one');
    const [one] = await harness.pull(billing);
    const modify = (seconds: number): Promise<void> =>
      harness.until(harness.broker.modifyAckDeadline(billing, [one!.ackId], seconds));
    await modify(30);
    const nowMs = harness.clock.wallMs();
    const leased = (await page(harness, billing)).seen[0];
    expect(leased).toMatchObject({ state: 'outstanding', endTimeMs: nowMs + 30_000 });
    await modify(0);
    const failed = (await page(harness, billing)).seen[0];
    expect(failed).toMatchObject({ state: 'delayed', deliveryAttempt: 2 });
    expect(failed!.endTimeMs).toBeGreaterThan(nowMs);
    await harness.close();
  });

  test('nothing that the filter keeps away, with its bits and without', async () => {
    const { harness, topic } = await open();
    await publishColoured(harness, topic, 'red1');
    const filtered = { filter: 'attributes.colour = "red"' };
    const red = await harness.createSubscription('red', topic, filtered);
    await publishColoured(harness, topic, 'red2 blue1 red3');
    expect(await look(harness, red)).toBe('red2 red3');
    await harness.restart();
    expect(await look(harness, red)).toBe('red2 red3');
    await harness.close();
  });

  test('what a seek gives back, and not what it takes away', async () => {
    const { harness, topic, billing } = await open({ retainAckedMessages: true });
    await harness.publish(topic, 'one');
    await harness.clock.advance(1_000);
    const timeMs = harness.clock.wallMs();
    await harness.publish(topic, 'two', 'three');
    expect(await harness.consume(billing)).toHaveLength(3);
    expect(await look(harness, billing)).toBe('');
    await harness.until(harness.broker.seek(billing, { timeMs }));
    expect(await look(harness, billing)).toBe('two three');
    await harness.until(harness.broker.seek(billing, { timeMs: timeMs + 60_000 }));
    expect(await look(harness, billing)).toBe('');
    await harness.close();
  });

  test('that a later message of its key is held, and one whose ack came early', async () => {
    const { harness, topic, billing } = await open({ enableMessageOrdering: true });
    const messages = ['a1', 'a2', 'a3'].map((text) =>
      sealableMessage({ data: Buffer.from(text), attributes: [], orderingKey: 'a' }),
    );
    await harness.until(harness.broker.publish(topic, messages));
    const received = await harness.pull(billing);
    await harness.acknowledge(billing, [received[1]!.ackId]);
    const { seen } = await page(harness, billing);
    expect(seen.map(({ text, state }) => `${text} ${state}`).join(', ')).toBe(
      'a1 outstanding, a2 ahead, a3 outstanding',
    );
    await harness.close();
  });

  test('what is pushed, and what a push that failed waits for', async () => {
    const { harness, billing, topic } = await open({
      pushConfig: { pushEndpoint: 'http://127.0.0.1:1/orders', attributes: {} },
    });
    await harness.publish(topic, 'one');
    await harness.clock.advance(1);
    expect((await page(harness, billing)).seen).toHaveLength(1);
    await harness.close();
  });
});

describe('pages', () => {
  test('hold so many messages and bytes as are asked for, and go on where they ended', async () => {
    const { harness, topic, billing } = await open();
    await harness.publish(topic, 'one', 'two', 'three', 'x'.repeat(500), 'five');
    const texts: string[] = [];
    let pageToken = '';
    do {
      const next = await page(harness, billing, { messagesMax: 2, bytesMax: 200, pageToken });
      texts.push(next.seen.map(({ text }) => text.slice(0, 5)).join(' '));
      ({ nextPageToken: pageToken } = next);
    } while (pageToken !== '');
    expect(texts).toEqual(['one two', 'three', 'xxxxx', 'five']);
    await harness.close();
  });

  test('a filter that keeps nearly everything away gives an empty page that is not the last', async () => {
    const { harness, topic } = await open();
    const none = await harness.createSubscription('none', topic, { filter: 'attributes:nobody' });
    const few = await harness.createSubscription('few', topic);
    await harness.pull(few);
    await harness.restart();
    const large = 'x'.repeat(1_500_000);
    // Held by a lease on the first, so that the frontier cannot pass over what follows.
    const held = [
      sealableMessage({ data: Buffer.from('y'), attributes: [['nobody', '1']], orderingKey: '' }),
    ];
    await harness.until(harness.broker.publish(topic, held));
    for (let i = 0; i < 13; i++) await harness.publish(topic, large);
    const first = await page(harness, none);
    expect(first.seen.map(({ text }) => text)).toEqual(['y']);
    expect(first.nextPageToken).not.toBe('');
    const second = await page(harness, none, { pageToken: first.nextPageToken });
    expect(second).toEqual({ seen: [], nextPageToken: '' });
    await harness.close();
  });

  test('a token fits only the subscription that it was made for, also not one of the same name', async () => {
    const { harness, topic, billing } = await open();
    const other = await harness.createSubscription('other', topic);
    await harness.publish(topic, 'one', 'two');
    const { nextPageToken: pageToken } = await page(harness, billing, { messagesMax: 1 });
    expect(await refusalOf(page(harness, other, { pageToken }))).toMatchObject({
      reason: 'BAD_PAGE_TOKEN',
    });
    await harness.until(harness.broker.deleteSubscription(billing));
    await harness.createSubscription('billing', topic);
    const again = await refusalOf(page(harness, billing, { pageToken }));
    expect(again).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'BAD_PAGE_TOKEN' });
    await harness.close();
  });

  test('more than is shown at once is refused', async () => {
    const { harness, billing } = await open();
    for (const request of [{ messagesMax: 0 }, { messagesMax: 101 }, { bytesMax: 4_194_305 }]) {
      const refusal = await refusalOf(page(harness, billing, request));
      expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await harness.close();
  });
});

describe('fails closed', () => {
  test('nothing is shown while the key is disabled, though it was opened before', async () => {
    const harness = await BrokerHarness.open();
    const key = await harness.createKey();
    const topic = await harness.createTopic('sealed', { kmsKeyName: key.name });
    const billing = await harness.createSubscription('billing', topic);
    await harness.publish(topic, 'secret');
    expect(await look(harness, billing)).toBe('secret');
    await harness.setKeyEnabled(key.version, false);
    const refusal = await refusalOf(page(harness, billing));
    expect(refusal).toMatchObject({ code: 'FAILED_PRECONDITION' });
    await harness.setKeyEnabled(key.version, true);
    expect(await look(harness, billing)).toBe('secret');
    await harness.close();
  });

  test('a key that is disabled while a page is read lets nothing of it out', async () => {
    let whileReading: (() => Promise<void>) | null = null;
    const harness = await BrokerHarness.open({
      wrapStore: (disk) => {
        const read = disk.read.bind(disk);
        disk.read = async (log, from, bytesMax) => {
          const segments = await read(log, from, bytesMax);
          const act = whileReading;
          if (from > 0) whileReading = null;
          if (from > 0) await act?.();
          return segments;
        };
        return disk;
      },
    });
    const key = await harness.createKey();
    const topic = await harness.createTopic('sealed', { kmsKeyName: key.name });
    const billing = await harness.createSubscription('billing', topic);
    // Two reads of the store: what the first gave is open while the second goes on.
    for (let i = 0; i < 3; i++) await harness.publish(topic, `${i}${'x'.repeat(400_000)}`);
    await harness.restart();
    const copies: Uint8Array[] = [];
    let isReached = false;
    whileReading = async () => {
      isReached = true;
      await harness.setKeyEnabled(key.version, false);
    };
    const peek = harness.broker.views.peek(billing, all, ({ messages }) => {
      copies.push(...messages.map(({ bytes }) => bytes));
    });
    expect(await refusalOf(harness.until(peek))).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect([isReached, copies.length]).toEqual([true, 0]);
    await harness.close();
  });

  test('what was shown is overwritten once it was taken', async () => {
    const { harness, topic, billing } = await open();
    await harness.publish(topic, 'one');
    const kept = await harness.until(
      harness.broker.views.peek(billing, all, ({ messages }) => messages[0]!.bytes),
    );
    expect([...kept].every((byte) => byte === 0)).toBe(true);
    expect(await look(harness, billing)).toBe('one');
    await harness.close();
  });

  test('one that is detached has nothing to show, and one that is not there is not found', async () => {
    const { harness, billing } = await open();
    await harness.until(harness.broker.detachSubscription(billing));
    expect(await refusalOf(page(harness, billing))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'SUBSCRIPTION_DETACHED',
    });
    const nobody = await refusalOf(page(harness, subscriptionName('nobody')));
    expect(nobody.code).toBe('NOT_FOUND');
    await harness.close();
  });
});
