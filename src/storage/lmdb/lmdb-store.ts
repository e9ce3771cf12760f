import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  assert,
  SystemEntropy,
  type Clock,
  type Entropy,
  type Failpoints,
  type Logger,
} from '../../runtime/index.ts';
import type { MetaStore } from '../meta-store.ts';
import type { Append, LogId, Outcome, Segment, Store, StoreStats, Tail } from '../store.ts';
import { checkAppend } from '../bounds.ts';
import { CommitQueue, type Part } from './commit-queue.ts';
import { takeSnapshot, type DataSnapshot, type DataSource } from './environment-snapshot.ts';
import { LmdbEnvironment } from './lmdb-environment.ts';
import { AppendPart, OwnPart, RemovePart, type Answer } from './log-writes.ts';
import { LogTails } from './log-tails.ts';
import { RecordArena } from './record-arena.ts';
import { LmdbMetaStore, MetaRows } from './meta-rows.ts';
import {
  decodeHead,
  decodeSegment,
  isSegment,
  segmentDatabase,
  segmentDatabases,
  segmentIdOf,
  segmentKey,
  storeDatabases,
} from './segment-record.ts';
import { reserveBytesDefault, SpaceReserve } from './space-reserve.ts';

export interface LmdbStoreOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly failpoints: Failpoints;
  readonly entropy?: Entropy;
  /** Bytes kept free for acks, trims and deletes on a full disk; 16 MiB by default. */
  readonly reserveBytes?: number;
  /** First size of the memory map, bytes; it grows by itself. */
  readonly mapBytes?: number;
  /** False commits without a sync. Only a test's composition may: nothing is durable then. */
  readonly isSynced?: boolean;
  /** Called after each durable transaction with the number of calls that it carried. */
  readonly onCommit?: (calls: number) => void;
}

/** The embedded engine: one LMDB environment at `dataDir`/store (docs/storage-format.md). */
export class LmdbStore implements Store, DataSource {
  readonly bodyBytesMax: number = 16 * 1024 * 1024;
  readonly meta: MetaStore;
  readonly #environment: LmdbEnvironment;
  readonly #tails: LogTails;
  readonly #arena = new RecordArena();
  readonly #queue: CommitQueue;
  readonly #failpoints: Failpoints;
  readonly #dataFile: string;

  constructor(options: LmdbStoreOptions) {
    const { dataDir, clock, log, failpoints, mapBytes, isSynced = true, onCommit } = options;
    const path = join(dataDir, 'store');
    this.#dataFile = join(path, 'data.mdb');
    this.#failpoints = failpoints;
    this.#environment = new LmdbEnvironment({
      path,
      databases: storeDatabases,
      isSynced,
      ...(mapBytes === undefined ? {} : { mapBytes }),
    });
    const space = new SpaceReserve({
      clock,
      dataDir,
      log,
      bytes: options.reserveBytes ?? reserveBytesDefault,
      entropy: options.entropy ?? new SystemEntropy(),
    });
    const rows = new MetaRows(this.#environment);
    this.#tails = new LogTails(this.#environment);
    this.#queue = new CommitQueue({
      environment: this.#environment,
      mirrors: [this.#tails, this.#arena, rows],
      space,
      clock,
      log,
      failpoints,
      ...(onCommit ? { onCommit } : {}),
    });
    this.meta = new LmdbMetaStore(rows, this.#queue);
  }

  async commit(ops: readonly Append[]): Promise<Outcome[]> {
    for (const op of ops) checkAppend(op, this.bodyBytesMax);
    if (ops.length === 0) return [];
    return this.#submit<Outcome[]>(
      (answer) => new AppendPart(ops, { tails: this.#tails, arena: this.#arena }, answer),
    );
  }

  async resolve(op: Append): Promise<Outcome> {
    await this.#settled();
    const { log, at, epoch, id } = op;
    const record = this.#environment.database(segmentDatabase(log)).get(segmentKey(log, at));
    if (record && Buffer.compare(segmentIdOf(record), id) === 0) return 'ok';
    return epoch < this.#tails.tail(log).epoch ? 'fenced' : 'conflict';
  }

  async read(log: LogId, from: number, bytesMax: number): Promise<Segment[]> {
    await this.#readable();
    const found: Segment[] = [];
    const { next } = this.#tails.tail(log);
    let base = from < next ? this.#baseFor(log, from) : next;
    for (let bytes = 0; base < next;) {
      const record = this.#environment.database(segmentDatabase(log)).get(segmentKey(log, base));
      // What is damaged or gone must not hide what is stored before it.
      if (found.length > 0 && !isSegment(record)) break;
      assert(record, 'a log has a gap');
      const segment = decodeSegment(log, base, record);
      bytes += segment.body.length;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(segment);
      base += segment.count;
    }
    return found;
  }

  async tails(logs: readonly LogId[]): Promise<Tail[]> {
    await this.#readable();
    return logs.map((log) => this.#tails.tail(log));
  }

  async locate(log: LogId, timeMs: number): Promise<number> {
    await this.#readable();
    const tail = this.#tails.tail(log);
    let low = tail.trim;
    let high = tail.next;
    while (low < high) {
      const base = this.#tails.baseHolding(log, Math.floor((low + high) / 2))!;
      const record = this.#environment.database(segmentDatabase(log)).get(segmentKey(log, base));
      const head = decodeHead(record!);
      if (head.timeMs >= timeMs) high = base;
      else low = base + head.count;
    }
    return low;
  }

  async trim(cuts: readonly { readonly log: LogId; readonly below: number }[]): Promise<void> {
    this.#failpoints('beforeTrim');
    for (const { log, below } of cuts) await this.#remove(log, below);
    this.#failpoints('afterTrim');
  }

  async drop(logs: readonly LogId[]): Promise<void> {
    for (const log of logs) await this.#remove(log, null);
  }

  own(log: LogId, seen: number): Promise<{ readonly epoch: number } | null> {
    return this.#submit<{ epoch: number } | null>(
      (answer) => new OwnPart(log, seen, this.#tails, answer),
    );
  }

  stats(): StoreStats {
    this.#queue.assertOpen();
    const file = statSync(this.#dataFile);
    return {
      diskBytes: file.blocks * 512,
      segmentCount: this.#environment.entryCount(segmentDatabases),
    };
  }

  snapshot(): Promise<DataSnapshot> {
    return this.#queue.between(() => takeSnapshot(this.#environment));
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#environment.close();
  }

  async #remove(log: LogId, below: number | null): Promise<void> {
    const store = { environment: this.#environment, tails: this.#tails };
    const step = (answer: Answer<boolean>): Part => new RemovePart(log, below, store, answer);
    let hasMore = true;
    while (hasMore) hasMore = await this.#submit<boolean>(step);
  }

  /** Base of the segment that holds `from`, or of the first stored one if that is later. */
  #baseFor(log: LogId, from: number): number {
    if (this.#environment.database(segmentDatabase(log)).doesExist(segmentKey(log, from)))
      return from;
    return this.#tails.baseHolding(log, from) ?? this.#tails.firstBase(log) ?? from;
  }

  #submit<T>(part: (answer: Answer<T>) => Part): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.submit(part({ resolve, reject }));
    });
  }

  async #readable(): Promise<void> {
    this.#queue.assertOpen();
    // No await on the usual way: between a check and its continuation a fault could shut the files.
    while (!this.#queue.isUsable) await this.#queue.mended();
  }

  /** No transaction that could still carry an append is under way. */
  async #settled(): Promise<void> {
    this.#queue.assertOpen();
    await this.#queue.current();
    await this.#readable();
  }
}

/** Opens the embedded store. Throws StorageError; the caller holds the lock of the directory. */
// oxlint-disable-next-line typescript/require-await -- the port of every engine opens asynchronously
export async function openLmdbStore(options: LmdbStoreOptions): Promise<LmdbStore> {
  return new LmdbStore(options);
}
