import type { Append, LogId, Outcome, Tail } from '../store.ts';
import { segmentKinds } from '../store.ts';
import type { Part } from './commit-queue.ts';
import type { LmdbEnvironment, Write } from './lmdb-environment.ts';
import type { RecordArena } from './record-arena.ts';
import { emptyTail, type LogTails } from './log-tails.ts';
import {
  baseOfKey,
  encodeSegment,
  recordBytes,
  encodeU32,
  logKey,
  segmentDatabase,
  segmentKey,
} from './segment-record.ts';

/** Segments that one transaction removes at most: it bounds how long a publish waits behind it. */
const removalsPerTransaction = 512;

/** Each append may copy a leaf page of its own. */
const leafBytes = 4096;

/** The two ends of a promise, as a Part holds them. */
export interface Answer<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Compare-and-append of the ops of one `commit` call. */
export class AppendPart implements Part {
  readonly bytes: number;
  readonly #ops: readonly Append[];
  readonly #tails: LogTails;
  readonly #arena: RecordArena;
  readonly #answer: Answer<Outcome[]>;
  #outcomes: Outcome[] = [];

  constructor(
    ops: readonly Append[],
    store: { readonly tails: LogTails; readonly arena: RecordArena },
    answer: Answer<Outcome[]>,
  ) {
    this.#ops = ops;
    this.#tails = store.tails;
    this.#arena = store.arena;
    this.#answer = answer;
    this.bytes = ops.reduce((sum, op) => sum + op.body.length + leafBytes, 0);
  }

  grows(): boolean {
    return this.#ops.some((op) => op.kind === segmentKinds.messages);
  }

  plan(writes: Write[]): void {
    this.#outcomes = this.#ops.map((op) => this.#planOne(op, writes));
  }

  settle(how: 'landed' | 'unknown'): void {
    const isKnown = how === 'landed';
    this.#answer.resolve(this.#outcomes.map((one) => (isKnown || one !== 'ok' ? one : 'unknown')));
  }

  fail(error: unknown): void {
    this.#answer.reject(error);
  }

  #planOne(op: Append, writes: Write[]): Outcome {
    const tail = this.#tails.planned(op.log);
    if (op.epoch < tail.epoch) return 'fenced';
    if (op.at !== tail.next) return 'conflict';
    writes.push({
      database: segmentDatabase(op.log),
      key: segmentKey(op.log, op.at),
      value: encodeSegment(op, this.#arena.take(recordBytes(op))),
    });
    this.#tails.plan(op.log, tailAfter(tail, op));
    return 'ok';
  }
}

/** The tail of a log once `op` is its last segment. */
function tailAfter(tail: Tail, op: Append): Tail {
  return { next: op.at + op.count, trim: tail.trim, epoch: op.epoch, timeMs: op.timeMs };
}

/** Raises a log's epoch if it is still the one that the caller saw. */
export class OwnPart implements Part {
  readonly bytes: number = leafBytes;
  readonly #log: LogId;
  readonly #seen: number;
  readonly #tails: LogTails;
  readonly #answer: Answer<{ epoch: number } | null>;
  #result: { epoch: number } | null = null;

  constructor(log: LogId, seen: number, tails: LogTails, answer: Answer<{ epoch: number } | null>) {
    this.#log = log;
    this.#seen = seen;
    this.#tails = tails;
    this.#answer = answer;
  }

  grows(): boolean {
    return false;
  }

  plan(writes: Write[]): void {
    const tail = this.#tails.planned(this.#log);
    this.#result = tail.epoch === this.#seen ? { epoch: this.#seen + 1 } : null;
    if (!this.#result) return;
    const { epoch } = this.#result;
    writes.push({ database: 'logs', key: logKey(this.#log), value: encodeU32(epoch) });
    this.#tails.plan(this.#log, { ...tail, epoch });
  }

  /** Null when unknown: the caller looks at the epoch again, and skips one if it did land. */
  settle(how: 'landed' | 'unknown'): void {
    this.#answer.resolve(how === 'landed' ? this.#result : null);
  }

  fail(error: unknown): void {
    this.#answer.reject(error);
  }
}

/** One bounded step of a trim or a drop. Answers true while there is more to remove. */
export class RemovePart implements Part {
  readonly bytes: number = removalsPerTransaction * 64;
  readonly #log: LogId;
  /** Null drops the log as a whole. */
  readonly #below: number | null;
  readonly #environment: LmdbEnvironment;
  readonly #tails: LogTails;
  readonly #answer: Answer<boolean>;
  #hasMore = false;

  constructor(
    log: LogId,
    below: number | null,
    store: { readonly environment: LmdbEnvironment; readonly tails: LogTails },
    answer: Answer<boolean>,
  ) {
    this.#log = log;
    this.#below = below;
    this.#environment = store.environment;
    this.#tails = store.tails;
    this.#answer = answer;
  }

  grows(): boolean {
    return false;
  }

  plan(writes: Write[]): void {
    const keys = this.#firstKeys();
    const removable = this.#below === null ? keys : keysEndingAtOrBelow(keys, this.#below);
    const removed = removable.slice(0, removalsPerTransaction);
    this.#hasMore = removable.length > removed.length || this.#hasPlannedAppends();
    for (const key of removed)
      writes.push({ database: segmentDatabase(this.#log), key, value: null });
    if (this.#below === null && !this.#hasMore) this.#planDrop(writes);
    else this.#planTrim(keys[removed.length]);
  }

  settle(how: 'landed' | 'unknown'): void {
    this.#answer.resolve(how === 'unknown' || this.#hasMore);
  }

  fail(error: unknown): void {
    this.#answer.reject(error);
  }

  /** As many as a step removes, and two more: one to end the last, one to show that more remain. */
  #firstKeys(): Uint8Array[] {
    const range = {
      start: segmentKey(this.#log, 0),
      end: segmentKey(this.#log, Number.MAX_SAFE_INTEGER),
      limit: removalsPerTransaction + 2,
    };
    return [...this.#environment.database(segmentDatabase(this.#log)).getKeys(range)];
  }

  #planTrim(first: Uint8Array | undefined): void {
    if (!first) return;
    const tail = this.#tails.planned(this.#log);
    this.#tails.plan(this.#log, { ...tail, trim: Math.max(tail.trim, baseOfKey(first)) });
  }

  /** The epoch row goes with the last segments, so that a half dropped log stays fenced. */
  #planDrop(writes: Write[]): void {
    const key = logKey(this.#log);
    if (this.#environment.database('logs').doesExist(key)) {
      writes.push({ database: 'logs', key, value: null });
    }
    this.#tails.plan(this.#log, emptyTail);
  }

  /** Appends of the same transaction are not on disk yet: a drop comes back for them. */
  #hasPlannedAppends(): boolean {
    const isDrop = this.#below === null;
    return isDrop && this.#tails.planned(this.#log).next !== this.#tails.tail(this.#log).next;
  }
}

/** A log has no gaps: a segment ends where the next begins, so the last given one stays. */
function keysEndingAtOrBelow(keys: readonly Uint8Array[], below: number): Uint8Array[] {
  const end = keys.findIndex((_, index) => {
    const next = keys[index + 1];
    return next === undefined || baseOfKey(next) > below;
  });
  return keys.slice(0, end === -1 ? keys.length : end);
}
