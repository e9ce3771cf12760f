import type { MetaStore } from './meta-store.ts';

/** Names a log. Allocated by whoever owns the metadata; 1 .. 2^53 - 1, never reused. */
export type LogId = number;

/** What a segment holds. Numbers are stored: only ever added to. */
export const segmentKinds = {
  messages: 1,
  ackDelta: 2,
  /** Kept for acknowledged bits in pages. The broker writes none (ADR 0010). */
  ackPage: 3,
  ackSnapshot: 4,
  takeover: 5,
  /** How often a subscription's backlog was replaced; the snapshot that follows rests on it. */
  ackGeneration: 6,
  /** Leases of an exactly-once subscription. */
  ackLeases: 7,
  /** Entries of the audit log (docs/audit.md). */
  audit: 8,
  /** Log lines of a service in the vault. */
  serviceLog: 9,
} as const;
export type SegmentKind = (typeof segmentKinds)[keyof typeof segmentKinds];

/**
 * The one write: put a segment of `count` entries at `at`, which the writer expects to be the tail.
 *
 * `id` names these exact bytes. To try again at the same `at`, send the identical Append; if
 * anything changed, draw a new id. `body` is the store's until the commit is answered; from then
 * on the writer may use its memory again.
 */
export interface Append {
  readonly log: LogId;
  readonly at: number;
  readonly epoch: number;
  /** 16 random bytes, drawn for this segment. */
  readonly id: Uint8Array;
  readonly count: number;
  /** Publish time of every entry, ms since the Unix epoch; never below the log's last. */
  readonly timeMs: number;
  readonly kind: SegmentKind;
  readonly body: Uint8Array;
}

/**
 * - `ok`: durable. `conflict`: the tail is elsewhere; nothing was written.
 * - `fenced`: the log's epoch is newer than the writer's; nothing was written and nothing will be.
 * - `unknown`: it may have landed. Ask `resolve` before doing anything else with this log.
 */
export type Outcome = 'ok' | 'conflict' | 'fenced' | 'unknown';

/** A stored segment. `body` and `id` are owned copies: they stay valid for ever. */
export interface Segment {
  readonly log: LogId;
  readonly base: number;
  readonly count: number;
  readonly epoch: number;
  readonly id: Uint8Array;
  readonly timeMs: number;
  readonly kind: SegmentKind;
  readonly body: Uint8Array;
}

/** Where a log stands. Entries `trim <= sequence < next` can be read. An unknown log is all 0. */
export interface Tail {
  readonly next: number;
  readonly trim: number;
  readonly epoch: number;
  /** Publish time of the last segment ever appended, 0 if none. */
  readonly timeMs: number;
}

export interface StoreStats {
  /** Bytes that the data files take on disk. */
  readonly diskBytes: number;
  /** Segments stored now. */
  readonly segmentCount: number;
}

/**
 * Logs and metadata: all that a broker stores (docs/storage-format.md).
 *
 * A log is gapless; compare-and-append is its only write. `commit` is a group commit: while one is
 * on its way to the disk, the next gathers everything that arrives, from every log. Rejections are
 * always StorageError and mean that nothing of the call landed.
 */
export interface Store {
  /** Largest `body` of one Append, bytes. */
  readonly bodyBytesMax: number;
  readonly meta: MetaStore;

  /** Durable when it resolves; each op is atomic on its own and has its own outcome. */
  commit(ops: readonly Append[]): Promise<Outcome[]>;
  /** After `unknown`: `ok` if exactly this id landed at `at`, else `conflict` or `fenced`. */
  resolve(op: Append): Promise<Outcome>;
  /**
   * Contiguous segments from the one that holds `from`, at least one if there is any, and then
   * while their bodies stay within `bytesMax` together, and there is no damage. Empty at the tail
   * or for an unknown log. Where stored segments are missing, the first is the one before them.
   */
  read(log: LogId, from: number, bytesMax: number): Promise<Segment[]>;
  tails(logs: readonly LogId[]): Promise<Tail[]>;
  /** First sequence whose publish time is >= timeMs; the tail if there is none. */
  locate(log: LogId, timeMs: number): Promise<number>;
  /**
   * Frees whole segments that end at or below `below`. Never the last one, which carries the tail.
   * Bounded work per transaction; works on a full disk.
   */
  trim(cuts: readonly { readonly log: LogId; readonly below: number }[]): Promise<void>;
  /** Removes logs and all they hold, in bounded transactions; works on a full disk. */
  drop(logs: readonly LogId[]): Promise<void>;
  /**
   * Takes a log over: raises its epoch above `seen` and returns the new one, or null if the epoch
   * was no longer `seen`. Every Append with a lower epoch is `fenced` from then on.
   */
  own(log: LogId, seen: number): Promise<{ readonly epoch: number } | null>;
  stats(): StoreStats;
  close(): Promise<void>;
}
