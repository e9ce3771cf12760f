import type { Clock, Failpoints, Logger } from '../../runtime/index.ts';
import { StorageError } from '../storage-error.ts';
import type { LmdbEnvironment, Write } from './lmdb-environment.ts';
import { storageErrorFrom } from './lmdb-fault.ts';

/** One caller's part of a transaction: its first `settle` or `fail` is its answer. */
export interface Part {
  /** True if it stores what users could go on sending for ever: refused on a full disk. */
  grows(): boolean;
  /** Rough size of its writes, to bound a transaction. */
  readonly bytes: number;
  /** Decides against what is stored and already planned, and adds its writes. */
  plan(writes: Write[]): void;
  settle(how: 'landed' | 'unknown'): void;
  fail(error: unknown): void;
}

/** State in memory that mirrors what is stored: tails, rows in flight. */
export interface Mirror {
  /** What was planned is on disk now. */
  landed(): void;
  /** The transaction is gone, or its fate unknown: forget plans and everything cached. */
  forget(): void;
}

/**
 * The room on the disk, asked before each transaction: LMDB must not meet a full disk, because a
 * page write that fails there can damage the heap of the process.
 */
export interface Space {
  /** Whether a transaction of about `bytes` may store what could be refused. */
  admitsGrowth(bytes: number): boolean;
  /** Whether there is room for `bytes` of acks, trims and deletes. */
  admits(bytes: number): boolean;
  /** The disk was full all the same: gives the reserve free. False if it was free already. */
  release(): boolean;
}

export interface CommitQueueOptions {
  readonly environment: LmdbEnvironment;
  readonly mirrors: readonly Mirror[];
  readonly space: Space;
  readonly clock: Clock;
  readonly log: Logger;
  readonly failpoints: Failpoints;
  /** Called after each durable transaction with the number of calls that it carried. */
  readonly onCommit?: (calls: number) => void;
}

const transactionBytesMax = 32 * 1024 * 1024;
const markerBytes = 64;
const transactionPartsMax = 4096;
/** A transaction of so little may be written while everything else waits: about half a millisecond. */
const blockingBytesMax = 16 * 1024;
/** But not on a disk that took so long for the last one, for a while. */
const slowCommitMs = 5;
const slowPauseMs = 1_000;

/**
 * Group commit. One transaction at a time; while it is on its way to the disk everything that
 * arrives, from every caller, gathers for the next. Callers of the last one get a turn to submit
 * again before the next starts, so that a steady stream travels together.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #waiting: Part[] = [];
  readonly #exclusive: { readonly run: () => Promise<void>; readonly closes: boolean }[] = [];
  #running: Promise<void> | null = null;
  #transaction: Promise<void> | null = null;
  #isClosed = false;
  #isBroken = false;
  /** A transaction was answered `unknown` and may be visible without being on disk. */
  #isInDoubt = false;
  #slowUntilMs = 0;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  /** Throws StorageError('closed') once `close` was called. */
  assertOpen(): void {
    if (this.#isClosed) throw new StorageError('closed', 'The store is closed');
  }

  /** The part is carried by the next transaction, or failed. */
  submit(part: Part): void {
    if (this.#isClosed) {
      part.fail(new StorageError('closed', 'The store is closed'));
      return;
    }
    this.#waiting.push(part);
    this.#running ??= this.#drain();
  }

  /** False while a fault or a compaction keeps the environment shut: await `mended` then. */
  get isUsable(): boolean {
    return !this.#isBroken;
  }

  /** Opens the environment again. Rejects with a StorageError if that fails. */
  mended(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.submit(nothing(resolve, reject));
    });
  }

  /**
   * Runs `task`, which may close the environment, while no transaction is under way, and opens the
   * environment again. Calls that arrive meanwhile wait.
   */
  exclusive(task: () => Promise<void>): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.assertOpen();
      this.#exclusive.push({ run: () => task().then(resolve, reject), closes: true });
      this.#running ??= this.#drain();
    });
  }

  /** Runs `look`, which leaves the environment open, while no transaction is under way. */
  between<T>(look: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.assertOpen();
      const run = async (): Promise<void> => {
        if (this.#isBroken) await this.#mend();
        resolve(look());
      };
      this.#exclusive.push({ run: () => run().catch(reject), closes: false });
      this.#running ??= this.#drain();
    });
  }

  /** The transaction under way, if any. Never rejects. */
  async current(): Promise<void> {
    await this.#transaction;
  }

  /** Resolves when nothing is waiting or under way. Never rejects. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Refuses what comes from now on and waits for the rest. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.idle();
  }

  async #drain(): Promise<void> {
    // A lone writer waits for each commit, and there is little else to do: then latency counts.
    for (let isLone = true; ; isLone = false) {
      // A turn of the loop: callers of the last commit, and input already waiting, join the next.
      await new Promise<void>((resolve) => {
        this.#options.clock.soon(resolve);
      });
      await this.#runExclusive();
      if (this.#exclusive.length > 0) continue;
      if (this.#waiting.length === 0) break;
      this.#transaction = this.#transact(this.#take(), isLone);
      await this.#transaction;
      this.#transaction = null;
    }
    this.#running = null;
  }

  async #runExclusive(): Promise<void> {
    for (let task = this.#exclusive.shift(); task; task = this.#exclusive.shift()) {
      this.#isBroken ||= task.closes;
      await task.run();
      if (!task.closes) continue;
      // One that cannot be opened stays marked, and the next call tries again.
      await this.#mend().catch(() => undefined);
    }
  }

  #take(): Part[] {
    let bytes = 0;
    let end = 0;
    while (end < this.#waiting.length && end < transactionPartsMax && bytes < transactionBytesMax) {
      bytes += this.#waiting[end]!.bytes;
      end++;
    }
    return this.#waiting.splice(0, end);
  }

  async #transact(parts: readonly Part[], isLone: boolean): Promise<void> {
    try {
      if (this.#isBroken) await this.#mend();
      this.#options.environment.assertWritable();
      const planned = this.#plan(parts);
      if (planned.writes.length > 0) await this.#write(planned.parts, planned.writes, isLone);
      else this.#settle(planned.parts);
    } catch (error) {
      for (const mirror of this.#options.mirrors) mirror.forget();
      for (const part of parts) part.fail(storageErrorFrom(error, 'The store cannot write'));
    }
  }

  async #write(parts: readonly Part[], writes: readonly Write[], isLone: boolean): Promise<void> {
    const { environment, failpoints } = this.#options;
    const before = environment.lastTransaction();
    failpoints('beforeCommit');
    try {
      await this.#commit(writes, isLone && bytesOf(parts) <= blockingBytesMax);
    } catch (error) {
      await this.#recover(parts, before, storageErrorFrom(error, 'A commit failed'));
      return;
    }
    failpoints('afterCommit');
    this.#settle(parts);
    this.#options.onCommit?.(parts.length);
  }

  async #commit(writes: readonly Write[], isSmall: boolean): Promise<void> {
    const { clock, environment } = this.#options;
    const startedMs = clock.monotonicMs();
    const isBlocking = isSmall && startedMs >= this.#slowUntilMs;
    await environment.commit(writes, isBlocking);
    const endedMs = clock.monotonicMs();
    if (endedMs - startedMs > slowCommitMs) this.#slowUntilMs = endedMs + slowPauseMs;
  }

  #plan(parts: readonly Part[]): { parts: readonly Part[]; writes: Write[] } {
    const admitted = this.#admit(parts);
    const writes: Write[] = [];
    for (const part of admitted) part.plan(writes);
    return { parts: admitted, writes };
  }

  /** Fails what the disk has no room for. */
  #admit(parts: readonly Part[]): readonly Part[] {
    const { space } = this.#options;
    const bytes = bytesOf(parts);
    if (bytes === 0 || space.admitsGrowth(bytes)) return parts;
    const [refused, rest] = divide(parts, (part) => part.grows());
    const isRoom = space.admits(bytesOf(rest));
    for (const part of isRoom ? refused : parts) part.fail(fullError());
    return isRoom ? rest : [];
  }

  #settle(parts: readonly Part[]): void {
    for (const mirror of this.#options.mirrors) mirror.landed();
    for (const part of parts) part.settle('landed');
  }

  /**
   * After a failed commit the environment may be unusable and the fate of the transaction open.
   * Opening it again shows which transaction is the last; one that landed is then made durable.
   */
  async #recover(parts: readonly Part[], before: number, error: StorageError): Promise<void> {
    const { environment, mirrors, log } = this.#options;
    log.error({ fault: error.fault, calls: parts.length }, error.message);
    this.#isBroken = true;
    try {
      await this.#mend();
    } catch {
      this.#doubt(parts);
      return;
    }
    if (environment.lastTransaction() > before) {
      await this.#confirm(parts);
      return;
    }
    for (const mirror of mirrors) mirror.forget();
    await this.#retryWithoutGrowth(parts, error);
  }

  /** The transaction is visible: it counts once a later one, hence its pages too, is on disk. */
  async #confirm(parts: readonly Part[]): Promise<void> {
    try {
      await this.#commitMarker();
      for (const mirror of this.#options.mirrors) mirror.forget();
      for (const part of parts) part.settle('landed');
    } catch {
      this.#doubt(parts);
    }
  }

  #doubt(parts: readonly Part[]): void {
    this.#isBroken = true;
    this.#isInDoubt = true;
    for (const mirror of this.#options.mirrors) mirror.forget();
    for (const part of parts) part.settle('unknown');
  }

  async #retryWithoutGrowth(parts: readonly Part[], error: StorageError): Promise<void> {
    const { space } = this.#options;
    const mayRetry = error.fault === 'full' && space.release();
    const [failed, kept] = divide(parts, (part) => !mayRetry || part.grows());
    for (const part of failed) part.fail(error);
    if (kept.length > 0) await this.#transact(kept, false);
  }

  /** Nobody reads what a transaction in doubt left before a later one is on disk. */
  async #mend(): Promise<void> {
    await this.#options.environment.reopen();
    if (this.#isInDoubt) await this.#commitMarker();
    this.#isInDoubt = false;
    this.#isBroken = false;
  }

  async #commitMarker(): Promise<void> {
    const { environment, space } = this.#options;
    if (!space.admits(markerBytes) && !space.release()) throw fullError();
    await environment.commit(markerWrites());
  }
}

function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.bytes, 0);
}

function divide(parts: readonly Part[], isFirst: (part: Part) => boolean): [Part[], Part[]] {
  return [parts.filter((part) => isFirst(part)), parts.filter((part) => !isFirst(part))];
}

/** Writes nothing; answers once the queue has reached it. */
function nothing(resolve: () => void, fail: (error: unknown) => void): Part {
  return { bytes: 0, grows: () => false, plan: () => undefined, settle: resolve, fail };
}

/** A row whose only purpose is to make a transaction that syncs. */
function markerWrites(): Write[] {
  return [{ database: 'meta', key: new Uint8Array([0]), value: new Uint8Array([1]) }];
}

function fullError(): StorageError {
  return new StorageError(
    'full',
    'The disk is full: nothing new is stored until space is free; acks, trims and deletes go on',
  );
}
