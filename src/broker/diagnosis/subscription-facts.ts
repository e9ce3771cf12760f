import type { Clock } from '../../runtime/index.ts';
import type { StreamState } from '../observer.ts';
import type { KeyHealth, PushStatus } from '../service.ts';
import type { Backlog } from '../delivery/backlog.ts';
import { nextDeadlineMs, type Lease } from '../delivery/lease.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import { keyAnswer } from '../lanes/key-answer.ts';
import type { DeadLetterFacts } from './dead-letter-facts.ts';
import { waitingKey } from './waiting-key.ts';

/** What a diagnosis rests on: where one subscription stands at one instant. */
export interface SubscriptionFacts {
  readonly isTopicDeleted: boolean;
  /** Of the topic: what seals now. */
  readonly key: KeyHealth;
  /** What opens the next message to be delivered; null: none waits, or `key` fails. */
  readonly waitingKey: KeyHealth | null;
  readonly push: PushStatus | null;
  readonly unackedCount: number;
  readonly outstandingCount: number;
  /** 0 without any message; NaN if the disk cannot tell. */
  readonly oldestUnackedAgeSeconds: number;
  readonly retentionSeconds: number;
  /** Streaming pulls and waiting Pulls. */
  readonly consumerCount: number;
  readonly streams: Readonly<Partial<Record<StreamState, number>>>;
  readonly streamCount: number;
  /** What keeps messages waiting that were never delivered. */
  readonly heldBy: 'window' | 'leases' | null;
  /** Messages that were looked at and may not be delivered now, though nobody has them. */
  readonly waiting: WaitingCounts;
  /** Null: no dead letter policy. */
  readonly deadLetters: DeadLetterFacts | null;
  readonly transforms: TransformFacts;
  /** Until the first of the outstanding messages is taken back; Infinity without any. */
  readonly nextDeadlineSeconds: number;
  /** Since the last delivery; null: none since the start. */
  readonly idleSeconds: number | null;
}

export interface TransformFacts {
  /** Messages that its transforms did not bear when they were last run. */
  readonly failingCount: number;
  /** They cannot be run at all. */
  readonly isStalled: boolean;
}

export interface WaitingCounts {
  /** Behind an earlier message of their ordering key. */
  readonly orderCount: number;
  /** For their retry policy's delay. */
  readonly retryCount: number;
}

/** Asks for the keys, and reads one segment at most; the rest is in memory. */
export async function subscriptionFacts(
  subscription: SubscriptionState,
  of: { readonly isTopicDeleted: boolean; readonly deadLetters: DeadLetterFacts | null },
  clock: Clock,
): Promise<SubscriptionFacts> {
  const key = await keyAnswer(subscription.topic.key, clock);
  const waiting = key.isUsable ? await waitingKey(subscription, clock) : null;
  const oldestMs = await subscription.oldestMs();
  const { backlog, lastDeliveredMs, row } = subscription;
  const nowMs = clock.monotonicMs();
  // What the topic retains is dropped from no subscription (pubsub.v1 Topic).
  const ofTopicMs = of.isTopicDeleted ? 0 : (subscription.topic.row.messageRetentionMs ?? 0);
  const streams = subscription.streamStates();
  return {
    ...of,
    key,
    waitingKey: waiting,
    push: subscription.pushStatus,
    unackedCount: subscription.unackedCount,
    outstandingCount: backlog.outstandingCount,
    oldestUnackedAgeSeconds: oldestMs === null ? 0 : Math.max(0, clock.wallMs() - oldestMs) / 1000,
    retentionSeconds: Math.max(row.messageRetentionMs, ofTopicMs) / 1000,
    consumerCount: subscription.consumerCount,
    streams,
    streamCount: Object.values(streams).reduce((sum, count) => sum + count, 0),
    heldBy: subscription.heldBy,
    waiting: waitingCounts(backlog),
    transforms: subscription.transforms,
    nextDeadlineSeconds: Math.max(0, nextDeadlineMs(backlog.leases()) - nowMs) / 1000,
    idleSeconds: lastDeliveredMs === null ? null : Math.max(0, nowMs - lastDeliveredMs) / 1000,
  };
}

function waitingCounts(backlog: Backlog): WaitingCounts {
  let orderCount = 0;
  let retryCount = 0;
  for (const lease of backlog.leases()) {
    if (isBehind(lease)) orderCount++;
    // Without a time of its own it waits for the pause of push.
    else if (lease.state === 'delayed' && lease.dueMs > 0) retryCount++;
  }
  return { orderCount, retryCount };
}

/** Whether an earlier message of its ordering key keeps a message from everybody. */
function isBehind({ queue, state, sequence }: Lease): boolean {
  if (queue === null || (state !== 'held' && state !== 'available')) return false;
  const isNext = queue.next?.sequence === sequence;
  return !isNext || (queue.outstandingCount > 0 && queue.follower === null);
}
