import type { LogId, Tail } from '../store.ts';
import type { Mirror } from './commit-queue.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import {
  baseOfKey,
  decodeHead,
  decodeU32,
  logKey,
  segmentDatabase,
  segmentKey,
} from './segment-record.ts';

export const emptyTail: Tail = { next: 0, trim: 0, epoch: 0, timeMs: 0 };

const highest = Number.MAX_SAFE_INTEGER;

/**
 * Where the logs stand, read from disk at first look and kept in memory: this process is the only
 * writer. What a transaction under way will change is kept apart until it is durable, so that
 * nobody reads past a durable tail.
 */
export class LogTails implements Mirror {
  readonly #environment: LmdbEnvironment;
  readonly #durable = new Map<LogId, Tail>();
  readonly #planned = new Map<LogId, Tail>();

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
  }

  /** As readers may see it. */
  tail(log: LogId): Tail {
    const known = this.#durable.get(log);
    if (known) return known;
    const loaded = this.#load(log);
    if (loaded !== emptyTail) this.#durable.set(log, loaded);
    return loaded;
  }

  /** As the next write of the transaction being planned must see it. */
  planned(log: LogId): Tail {
    return this.#planned.get(log) ?? this.tail(log);
  }

  plan(log: LogId, tail: Tail): void {
    this.#planned.set(log, tail);
  }

  landed(): void {
    for (const [log, tail] of this.#planned) {
      if (tail === emptyTail) this.#durable.delete(log);
      else this.#durable.set(log, tail);
    }
    this.#planned.clear();
  }

  forget(): void {
    this.#planned.clear();
    this.#durable.clear();
  }

  /** Base of the segment that holds `sequence`, or null if none does or ends beyond it. */
  baseHolding(log: LogId, sequence: number): number | null {
    const range = {
      start: segmentKey(log, sequence),
      end: segmentKey(log, 0),
      inclusiveEnd: true,
      reverse: true,
      limit: 1,
    };
    for (const key of this.#environment.database(segmentDatabase(log)).getKeys(range))
      return baseOfKey(key);
    return null;
  }

  /** Base of the first stored segment. */
  firstBase(log: LogId): number | null {
    const range = { start: segmentKey(log, 0), end: segmentKey(log, highest), limit: 1 };
    for (const key of this.#environment.database(segmentDatabase(log)).getKeys(range))
      return baseOfKey(key);
    return null;
  }

  /** The tail is not stored: it follows from the last segment, which trim never removes. */
  #load(log: LogId): Tail {
    const row = this.#environment.database('logs').get(logKey(log));
    const owned = row ? decodeU32(row) : 0;
    const last = this.baseHolding(log, highest);
    if (last === null) return owned === 0 ? emptyTail : { ...emptyTail, epoch: owned };
    const head = decodeHead(
      this.#environment.database(segmentDatabase(log)).get(segmentKey(log, last))!,
    );
    return {
      next: last + head.count,
      trim: this.firstBase(log)!,
      epoch: Math.max(owned, head.epoch),
      timeMs: head.timeMs,
    };
  }
}
