import type { Clock } from '../../runtime/index.ts';
import type { StreamState } from '../observer.ts';
import type { KeyHealth, PushStatus } from '../service.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import { keyAnswer } from '../lanes/key-answer.ts';

/** What a diagnosis rests on: where one subscription stands at one instant. */
export interface SubscriptionFacts {
  readonly isTopicDeleted: boolean;
  readonly key: KeyHealth;
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
  /** Until the first of the outstanding messages is taken back; Infinity without any. */
  readonly nextDeadlineSeconds: number;
  /** Since the last delivery; null: none since the start. */
  readonly idleSeconds: number | null;
}

/** Asks for the key, and reads one segment at most; the rest is in memory. */
export async function subscriptionFacts(
  subscription: SubscriptionState,
  isTopicDeleted: boolean,
  clock: Clock,
): Promise<SubscriptionFacts> {
  const key = await keyAnswer(subscription.topic.key, clock);
  const oldestMs = await subscription.oldestMs();
  const { backlog, lastDeliveredMs, row } = subscription;
  const nowMs = clock.monotonicMs();
  const streams = subscription.streamStates();
  return {
    isTopicDeleted,
    key,
    push: subscription.pushStatus,
    unackedCount: subscription.unackedCount,
    outstandingCount: backlog.outstandingCount,
    oldestUnackedAgeSeconds: oldestMs === null ? 0 : Math.max(0, clock.wallMs() - oldestMs) / 1000,
    retentionSeconds: row.messageRetentionMs / 1000,
    consumerCount: subscription.consumerCount,
    streams,
    streamCount: Object.values(streams).reduce((sum, count) => sum + count, 0),
    heldBy: subscription.heldBy,
    nextDeadlineSeconds: Math.max(0, backlog.nextDeadlineMs - nowMs) / 1000,
    idleSeconds: lastDeliveredMs === null ? null : Math.max(0, nowMs - lastDeliveredMs) / 1000,
  };
}
