import { everyMessage, type Attributes, type ModelFilter } from './filters.ts';

/** What a subscription was created with, or changed to. */
export interface Terms {
  readonly ackDeadlineMs: number;
  readonly retentionMs: number;
  readonly retainAcked: boolean;
  readonly isOrdered: boolean;
  readonly isExactlyOnce: boolean;
  readonly isPushed: boolean;
  readonly filter: ModelFilter;
  readonly retry: { readonly minMs: number; readonly maxMs: number } | null;
  readonly deadLetter: { readonly topic: string; readonly attemptsMax: number } | null;
}

export const plainTerms: Terms = {
  ackDeadlineMs: 10_000,
  retentionMs: 600_000,
  retainAcked: false,
  isOrdered: false,
  isExactlyOnce: false,
  isPushed: false,
  filter: everyMessage,
  retry: null,
  deadLetter: null,
};

export const isWanted = ({ filter }: Terms, attributes: Attributes): boolean =>
  filter.matches(attributes);

/** How long a message waits after so many failures: doubled each time, within its bounds. */
export function retryDelayMs({ retry }: Terms, failures: number): number {
  if (retry === null || failures < 1) return 0;
  return Math.min(retry.maxMs, retry.minMs * 2 ** (failures - 1));
}

/** What a topic retains is available to every subscription (pubsub.v1 Topic). */
export const retentionOf = ({ retentionMs }: Terms, ofTopic: number | undefined): number =>
  Math.max(retentionMs, ofTopic ?? 0);
