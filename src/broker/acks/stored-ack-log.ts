import type { RecordSealer } from '../../envelope/index.ts';
import { draw, type Cancel, type Clock, type Entropy } from '../../runtime/index.ts';
import { segmentKinds, type Append, type SegmentKind, type Store } from '../../storage/index.ts';
import type { Appender } from '../lanes/appender.ts';
import type { AckLog } from './ack-log.ts';
import { encodeDelta, type AckRange } from './ack-record.ts';
import { AckedRanges, rangesAbove } from './acked-ranges.ts';
import { encodeLeases, type LeaseRecord } from './lease-record.ts';
import { LeaseTable } from './lease-table.ts';
import { snapshotRecords, type AckPosition } from './snapshot-records.ts';

/** Acks that came on a stream wait this long for company before they are committed. */
const gatherMs = 10;
/** What was passed over is only read again if it is lost. */
const passedOverMs = 1_000;
/** What could not be written is tried again after so long. */
const retryMs = 1_000;
/** A snapshot replaces the records before it when there are so many, or so much of them. */
const recordsMax = 10_000;
const recordBytesMax = 1 << 20;
/** Where more is pending, and the disk will not have it, the whole state is written instead. */
const pendingMax = 100_000;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

interface LogRecord {
  readonly kind: SegmentKind;
  readonly record: Uint8Array;
}

/** What one write makes durable. */
interface Round {
  readonly isWhole: boolean;
  readonly acked: readonly AckRange[];
  readonly floorMoved: boolean;
  readonly leases: ReadonlyMap<number, LeaseRecord>;
  readonly waiters: readonly Waiter[];
}

/**
 * Makes acknowledgements durable, and leases where they must be: records to a log, at most one
 * append under way, everything that came meanwhile in the next.
 */
export class StoredAckLog implements AckLog {
  readonly #store: Store;
  readonly #sealer: RecordSealer;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #appender: Appender;
  readonly #position: AckPosition;
  readonly #live: LeaseTable;
  readonly #acked = new AckedRanges();
  #leases = new Map<number, LeaseRecord>();
  #floorMoved = false;
  /** The next write is a snapshot alone. */
  #isWhole = false;
  #wantsSnapshot = false;
  #waiters: Waiter[] = [];
  #writing: Promise<void> | null = null;
  #isClosed = false;
  #cancelTimer: Cancel | null = null;
  #timerMs = Infinity;
  #recordCount: number;
  #recordBytes = 0;
  #snapshotBytes = 0;

  constructor(options: {
    readonly store: Store;
    readonly sealer: RecordSealer;
    readonly clock: Clock;
    readonly entropy: Entropy;
    readonly appender: Appender;
    readonly position: AckPosition;
    /** Records since the last snapshot, as recovery found them. */
    readonly recordCount: number;
    /** Those that recovery found. */
    readonly leases: readonly LeaseRecord[];
  }) {
    this.#store = options.store;
    this.#sealer = options.sealer;
    this.#clock = options.clock;
    this.#entropy = options.entropy;
    this.#appender = options.appender;
    this.#position = options.position;
    this.#recordCount = options.recordCount;
    this.#live = new LeaseTable(options.leases);
  }

  add(sequence: number): void {
    this.#acked.add(sequence, sequence + 1);
    this.#live.delete(sequence);
    this.#boundPending();
  }

  addRange(first: number, end: number): void {
    if (end <= first) return;
    this.#acked.add(first, end);
    this.#boundPending();
    if (this.#writing === null) this.#writeAfter(passedOverMs);
  }

  floorRaised(): void {
    this.#floorMoved = true;
    this.flushSoon();
  }

  reset(): void {
    this.#live.clear();
    this.#leases = new Map();
    this.#acked.take();
    this.#isWhole = true;
    this.flushSoon();
  }

  async leased(leases: readonly LeaseRecord[]): Promise<void> {
    if (leases.length === 0) return;
    for (const lease of leases) this.#leases.set(lease.sequence, lease);
    await this.#written();
  }

  async flush(): Promise<void> {
    if (this.#isDirty || this.#writing !== null) await this.#written();
  }

  flushSoon(): void {
    if (this.#writing === null) this.#writeAfter(gatherMs);
  }

  async compact(): Promise<void> {
    if (!this.#isDirty && this.#writing === null && this.#recordCount === 0) return;
    this.#wantsSnapshot = true;
    await this.#written();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#writing;
  }

  /** Resolves after the next round of the one writer. Something must be left for it to write. */
  async #written(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.push({ resolve, reject });
    this.#writing ??= this.#write();
    await promise;
  }

  #writeAfter(delayMs: number): void {
    const atMs = this.#clock.monotonicMs() + delayMs;
    if (atMs >= this.#timerMs || this.#isClosed) return;
    this.#cancelTimer?.();
    this.#timerMs = atMs;
    this.#cancelTimer = this.#clock.schedule(atMs, () => {
      this.#timerMs = Infinity;
      this.#cancelTimer = null;
      if (this.#isDirty) this.#writing ??= this.#write();
    });
  }

  get #isDirty(): boolean {
    return this.#acked.size > 0 || this.#floorMoved || this.#isWhole || this.#leases.size > 0;
  }

  #boundPending(): void {
    if (this.#acked.size <= pendingMax) return;
    this.#acked.take();
    this.#isWhole = true;
  }

  async #write(): Promise<void> {
    while (this.#isDirty || this.#waiters.length > 0) {
      const round = this.#nextRound();
      try {
        if (round.isWhole) await this.#snapshot();
        await this.#changes(round);
        // Between two writes, never beside one: it trims all that came before it.
        if (this.#isSnapshotDue()) await this.#snapshot();
      } catch (error) {
        this.#putBack(round, error);
        break;
      }
      for (const waiter of round.waiters) waiter.resolve();
    }
    this.#writing = null;
  }

  #nextRound(): Round {
    const acked = this.#acked.take();
    const round = {
      isWhole: this.#isWhole,
      // The whole state has them in it.
      acked: this.#isWhole ? [] : acked,
      floorMoved: this.#floorMoved && !this.#isWhole,
      leases: this.#leases,
      waiters: this.#waiters,
    };
    this.#isWhole = false;
    this.#floorMoved = false;
    this.#leases = new Map();
    this.#waiters = [];
    return round;
  }

  /**
   * Acknowledgements and ends of leases are kept for the next try; who asked for a lease hears that
   * there is none.
   */
  #putBack(round: Round, error: unknown): void {
    this.#isWhole ||= round.isWhole;
    // Of a backlog that was replaced they tell nothing.
    if (!this.#isWhole) for (const [first, end] of round.acked) this.#acked.add(first, end);
    this.#floorMoved ||= round.floorMoved;
    const leases = [...round.leases, ...this.#leases];
    this.#leases = new Map(leases.filter(([, { deadlineWallMs }]) => deadlineWallMs === 0));
    for (const waiter of [...round.waiters, ...this.#waiters]) waiter.reject(error);
    this.#waiters = [];
    this.#writeAfter(retryMs);
  }

  #isSnapshotDue(): boolean {
    if (this.#wantsSnapshot) {
      this.#wantsSnapshot = false;
      return this.#recordCount > 0;
    }
    if (this.#recordCount >= recordsMax) return true;
    return this.#recordBytes >= Math.max(recordBytesMax, 2 * this.#snapshotBytes);
  }

  /** Acknowledgements first: what they pass over is then no hole before the leases. */
  async #changes({ acked, floorMoved, leases }: Round): Promise<void> {
    const records: LogRecord[] = [];
    if (acked.length > 0 || floorMoved) {
      const { floor } = this.#position;
      const record = encodeDelta({ floor, ranges: rangesAbove(floor, acked) });
      records.push({ kind: segmentKinds.ackDelta, record });
    }
    for (const record of encodeLeases(leases.values())) {
      records.push({ kind: segmentKinds.ackLeases, record });
    }
    if (records.length === 0) return;
    await this.#append(records);
    for (const lease of leases.values()) this.#live.set(lease);
    this.#recordCount += records.length;
    this.#recordBytes += bytesOf(records);
  }

  async #snapshot(): Promise<void> {
    const leases = this.#live.live(this.#clock.wallMs(), this.#position);
    const records = snapshotRecords(this.#position, leases);
    const first = await this.#append(records);
    this.#recordCount = 0;
    this.#recordBytes = 0;
    this.#snapshotBytes = bytesOf(records);
    await this.#store.trim([{ log: this.#appender.log, below: first }]);
  }

  /** Returns where the first record landed. */
  async #append(records: readonly LogRecord[]): Promise<number> {
    for (;;) {
      const { next, timeMs } = await this.#appender.position();
      const now = Math.max(timeMs, this.#clock.wallMs());
      const ops = records.map(({ kind, record }, i) => this.#op(kind, record, next + i, now));
      if (await this.#appender.append(ops)) return next;
    }
  }

  #op(kind: SegmentKind, record: Uint8Array, at: number, timeMs: number): Append {
    const { log, epoch } = this.#appender;
    const body = this.#sealer.seal(record, { log, at, epoch, kind });
    const id = draw(this.#entropy, 16);
    return { log, at, epoch, id, count: 1, timeMs, kind, body };
  }
}

function bytesOf(records: readonly LogRecord[]): number {
  let bytes = 0;
  for (const { record } of records) bytes += record.length;
  return bytes;
}
