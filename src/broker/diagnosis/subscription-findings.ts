import type { StreamState } from '../observer.ts';
import type { Finding, PushFailure, PushStatus } from '../service.ts';
import {
  deadLettersKept,
  deadLettersUnread,
  delayedByRetry,
  heldByOrder,
} from './dead-letter-findings.ts';
import { counted, grouped, span } from './plain-words.ts';
import type { SubscriptionFacts } from './subscription-facts.ts';
import { transformFailing, transformsUnavailable } from './transform-findings.ts';

/** Push that only failed for so long no longer heals by itself: somebody has to look. */
const failingSecondsMax = 600;

/** The oldest message has used up so much of its retention. */
const retentionShareMax = 0.9;

type Check = (facts: SubscriptionFacts) => Finding | null;

/** In the order in which they are told: what stops everything first. */
const checks: readonly Check[] = [
  keyUnusable,
  waitingKeyUnusable,
  transformsUnavailable,
  pushStalled,
  pushRefused,
  pushFailingLong,
  pushBackingOff,
  pushFailing,
  noConsumer,
  (facts) => streamsHeld(facts, 'suspended_max_outstanding_messages_exceeded'),
  (facts) => streamsHeld(facts, 'suspended_max_outstanding_bytes_exceeded'),
  (facts) => streamsHeld(facts, 'suspended_client_flow_controlled'),
  windowFull,
  leasesSpent,
  transformFailing,
  retentionNear,
  deadLettersKept,
  deadLettersUnread,
  topicDeleted,
  heldByOrder,
  delayedByRetry,
  allOutstanding,
];

/** Why it moves or stands still: at least one finding. */
export function subscriptionFindings(facts: SubscriptionFacts): Finding[] {
  const findings = checks.flatMap((check) => check(facts) ?? []);
  return findings.length > 0 ? findings : [allIsWell(facts)];
}

function keyUnusable({ key }: SubscriptionFacts): Finding | null {
  if (key.isUsable) return null;
  return {
    severity: 'error',
    reason: 'KEY_UNUSABLE',
    message: `Nothing is delivered, as the key of the topic cannot be used. ${key.reason}: ${key.message}`,
  };
}

function waitingKeyUnusable({ waitingKey }: SubscriptionFacts): Finding | null {
  if (waitingKey === null || waitingKey.isUsable) return null;
  const { reason, message } = waitingKey;
  return {
    severity: 'error',
    reason: 'KEY_UNUSABLE',
    message: `The oldest message that waits cannot be opened, as the key that sealed it cannot be used. ${reason}: ${message}`,
  };
}

function pushStalled({ push }: SubscriptionFacts): Finding | null {
  if (push === null || push.stalledBy === null) return null;
  const { reason, message } = push.stalledBy;
  return {
    severity: 'error',
    reason: 'PUSH_STALLED',
    message: `Push to ${push.endpoint} stands still. ${reason}: ${message}`,
  };
}

/** Every other finding of push says less. */
function isHopeless({ stalledBy, lastFailure }: PushStatus, unackedCount: number): boolean {
  if (stalledBy !== null) return true;
  if (lastFailure === null) return false;
  return isRefused(lastFailure) || isLong(lastFailure, unackedCount);
}

const isRefused = ({ code }: PushFailure): boolean => code === 'address_refused';
/** With nothing to push there was no request that could have gone better. */
const isLong = ({ failingSeconds }: PushFailure, unackedCount: number): boolean =>
  unackedCount > 0 && failingSeconds >= failingSecondsMax;

function pushRefused({ push }: SubscriptionFacts): Finding | null {
  if (push === null || push.stalledBy !== null || push.lastFailure === null) return null;
  if (!isRefused(push.lastFailure)) return null;
  return {
    severity: 'error',
    reason: 'PUSH_ADDRESS_REFUSED',
    message: `Push to ${push.endpoint} delivers nothing. ${push.lastFailure.text}`,
  };
}

function pushFailingLong({ push, unackedCount }: SubscriptionFacts): Finding | null {
  if (push === null || push.stalledBy !== null || push.lastFailure === null) return null;
  if (isRefused(push.lastFailure) || !isLong(push.lastFailure, unackedCount)) return null;
  const { failingSeconds, text } = push.lastFailure;
  return {
    severity: 'error',
    reason: 'PUSH_FAILING_LONG',
    message: `Every request to ${push.endpoint} has failed for ${span(failingSeconds)}. The last one: ${text}`,
  };
}

function pushBackingOff({ push, unackedCount }: SubscriptionFacts): Finding | null {
  if (push === null || isHopeless(push, unackedCount) || push.backoffMs === 0) return null;
  const cause = push.lastFailure === null ? '' : ` The last one: ${push.lastFailure.text}`;
  return {
    severity: 'warning',
    reason: 'PUSH_BACKING_OFF',
    message: `Push to ${push.endpoint} waits ${span(push.backoffMs / 1000)} after failed requests.${cause}`,
  };
}

function pushFailing({ push, unackedCount }: SubscriptionFacts): Finding | null {
  if (push === null || isHopeless(push, unackedCount) || push.backoffMs > 0) return null;
  if (push.lastFailure === null) return null;
  return {
    severity: 'warning',
    reason: 'PUSH_FAILING',
    message: `The last request to ${push.endpoint} failed, and none has succeeded since: ${push.lastFailure.text}`,
  };
}

/** Nobody can listen without the key: then its absence says nothing. */
function noConsumer(facts: SubscriptionFacts): Finding | null {
  const { consumerCount, idleSeconds, key, waitingKey, push } = facts;
  const waitingCount = facts.unackedCount - facts.outstandingCount;
  if (push !== null || consumerCount > 0 || waitingCount === 0) return null;
  if (!key.isUsable || waitingKey?.isUsable === false) return null;
  const last =
    idleSeconds === null
      ? 'none was delivered since the broker started'
      : `the last one was delivered ${span(idleSeconds)} ago`;
  return {
    severity: 'warning',
    reason: 'NO_CONSUMER',
    message: `${counted(waitingCount, 'message')} could be delivered, but no stream is open and no Pull waits; ${last}.`,
  };
}

type HeldState = Exclude<StreamState, 'ok'>;

const heldBy: Readonly<Record<HeldState, { reason: string; why: string }>> = {
  suspended_max_outstanding_messages_exceeded: {
    reason: 'STREAMS_HELD_BY_MESSAGES',
    why: 'it holds as many unacknowledged messages as the client allows: acknowledge them, or raise the limit',
  },
  suspended_max_outstanding_bytes_exceeded: {
    reason: 'STREAMS_HELD_BY_BYTES',
    why: 'it holds as many unacknowledged bytes as the client allows: acknowledge them, or raise the limit',
  },
  suspended_client_flow_controlled: {
    reason: 'STREAMS_HELD_BY_CLIENT',
    why: 'the client does not read what was sent to it',
  },
};

function streamsHeld(facts: SubscriptionFacts, state: HeldState): Finding | null {
  const { consumerCount, streamCount, streams } = facts;
  const isWaiting = facts.unackedCount > facts.outstandingCount;
  const isAnyFree = consumerCount > streamCount || streams.ok !== undefined;
  const count = streams[state] ?? 0;
  if (count === 0 || isAnyFree || !isWaiting) return null;
  const { reason, why } = heldBy[state];
  const which = `${count} of ${counted(streamCount, 'open stream')}`;
  return {
    severity: 'warning',
    reason,
    message: `No stream takes messages. Flow control holds ${which}: ${why}.`,
  };
}

function windowFull(facts: SubscriptionFacts): Finding | null {
  if (facts.heldBy !== 'window') return null;
  return {
    severity: 'warning',
    reason: 'WINDOW_FULL',
    message:
      'As many messages were delivered and not acknowledged as one subscription may have (--outstanding-max); new ones wait for acknowledgements.',
  };
}

function leasesSpent(facts: SubscriptionFacts): Finding | null {
  if (facts.heldBy !== 'leases') return null;
  return {
    severity: 'warning',
    reason: 'LEASES_SPENT',
    message:
      'As many messages were delivered and not acknowledged as all subscriptions together may have; new ones wait for acknowledgements, also of other subscriptions.',
  };
}

function retentionNear(facts: SubscriptionFacts): Finding | null {
  const { oldestUnackedAgeSeconds: age, retentionSeconds } = facts;
  if (!(age >= retentionSeconds * retentionShareMax)) return null;
  const left = span(Math.max(0, retentionSeconds - age));
  return {
    severity: 'warning',
    reason: 'RETENTION_NEAR',
    message: `The oldest message is ${span(age)} old, and is dropped in ${left} unless it is acknowledged.`,
  };
}

function topicDeleted(facts: SubscriptionFacts): Finding | null {
  if (!facts.isTopicDeleted) return null;
  return {
    severity: 'warning',
    reason: 'TOPIC_DELETED',
    message: `The topic was deleted: ${counted(facts.unackedCount, 'message')} can still be taken, and no new one will come.`,
  };
}

function allOutstanding(facts: SubscriptionFacts): Finding | null {
  const { nextDeadlineSeconds, outstandingCount, unackedCount } = facts;
  if (unackedCount === 0 || outstandingCount < unackedCount) return null;
  return {
    severity: 'info',
    reason: 'ALL_OUTSTANDING',
    message: `Subscribers have all messages (${grouped(outstandingCount)}) and have not acknowledged them; the next ack deadline passes in ${span(nextDeadlineSeconds)}.`,
  };
}

function allIsWell(facts: SubscriptionFacts): Finding {
  if (facts.unackedCount === 0) {
    const message = 'Every message is acknowledged.';
    return { severity: 'info', reason: 'CAUGHT_UP', message };
  }
  const waiting = counted(facts.unackedCount - facts.outstandingCount, 'message');
  const message = `Messages are being delivered: ${waiting} to go, ${grouped(facts.outstandingCount)} with subscribers.`;
  return { severity: 'info', reason: 'MOVING', message };
}
