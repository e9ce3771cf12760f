/** Where a segment is. All of it is associated data: moved, it no longer opens. */
export interface SegmentPlace {
  readonly topicUid: Uint8Array;
  /** Shard of the topic, 0 .. 2^32 - 1. */
  readonly lane: number;
  readonly base: number;
  readonly epoch: number;
  /** Publish time of every message in it, ms since the Unix epoch. */
  readonly timeMs: number;
}
