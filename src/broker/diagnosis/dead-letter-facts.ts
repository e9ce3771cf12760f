import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import type { Registry } from '../registry.ts';

/** How the dead letters of a subscription fare. */
export interface DeadLetterFacts {
  /** `projects/P/topics/T`. */
  readonly topic: string;
  readonly maxDeliveryAttempts: number;
  readonly isMissing: boolean;
  /** Nobody would get what is forwarded. */
  readonly isUnread: boolean;
  /** Why the last forward failed; null: it did not, or what it failed for is over. */
  readonly failure: { readonly reason: string; readonly message: string } | null;
}

/** Null without a dead letter policy. */
export function deadLetterFacts(registry: Registry, row: SubscriptionRow): DeadLetterFacts | null {
  if (row.deadLetterPolicy === undefined) return null;
  const { deadLetterTopic: topic, maxDeliveryAttempts } = row.deadLetterPolicy;
  const target = registry.topics.get(topic);
  const last = registry.deadLetters.failureOf(row.id);
  const isOver = last === null || last.topic !== topic || last.code === 'NOT_FOUND';
  return {
    topic,
    maxDeliveryAttempts,
    isMissing: target === undefined,
    isUnread: target?.subscriptions.size === 0,
    failure: isOver ? null : last,
  };
}
