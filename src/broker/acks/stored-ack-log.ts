import type { RecordSealer } from '../../envelope/index.ts';
import { draw, type Cancel, type Clock, type Entropy } from '../../runtime/index.ts';
import { segmentKinds, type Append, type SegmentKind, type Store } from '../../storage/index.ts';
import type { AckLog } from './ack-log.ts';
import { encodeDelta, encodeSnapshotPart } from './ack-record.ts';
import type { Appender } from '../lanes/appender.ts';
import type { Backlog } from '../delivery/backlog.ts';

/** Acks that came on a stream wait this long for company before they are committed. */
const gatherMs = 10;
/** What could not be written is tried again after so long. */
const retryMs = 1_000;
/** A snapshot replaces the deltas before it when there are so many, or so much of them. */
const deltasMax = 10_000;
const deltaBytesMax = 1 << 20;
const holesPerPartMax = 65_536;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Makes acknowledgements durable: deltas to a log, at most one append under way, everything that
 * was acknowledged meanwhile in the next.
 */
export class StoredAckLog implements AckLog {
  readonly #store: Store;
  readonly #sealer: RecordSealer;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #appender: Appender;
  readonly #backlog: Backlog;
  #acked: number[] = [];
  #floorMoved = false;
  #wantsSnapshot = false;
  #waiters: Waiter[] = [];
  #writing: Promise<void> | null = null;
  #isClosed = false;
  #cancelTimer: Cancel | null = null;
  #deltaCount: number;
  #deltaBytes = 0;

  constructor(options: {
    readonly store: Store;
    readonly sealer: RecordSealer;
    readonly clock: Clock;
    readonly entropy: Entropy;
    readonly appender: Appender;
    readonly backlog: Backlog;
    /** Records since the last snapshot, as recovery found them. */
    readonly deltaCount: number;
  }) {
    this.#store = options.store;
    this.#sealer = options.sealer;
    this.#clock = options.clock;
    this.#entropy = options.entropy;
    this.#appender = options.appender;
    this.#backlog = options.backlog;
    this.#deltaCount = options.deltaCount;
  }

  add(sequence: number): void {
    this.#acked.push(sequence);
  }

  floorRaised(): void {
    this.#floorMoved = true;
    this.flushSoon();
  }

  async flush(): Promise<void> {
    if (this.#isDirty || this.#writing !== null) await this.#written();
  }

  flushSoon(): void {
    if (this.#writing === null) this.#writeAfter(gatherMs);
  }

  async compact(): Promise<void> {
    if (!this.#isDirty && this.#writing === null && this.#deltaCount === 0) return;
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
    if (this.#cancelTimer !== null || this.#isClosed) return;
    this.#cancelTimer = this.#clock.schedule(this.#clock.monotonicMs() + delayMs, () => {
      this.#cancelTimer = null;
      if (this.#isDirty) this.#writing ??= this.#write();
    });
  }

  get #isDirty(): boolean {
    return this.#acked.length > 0 || this.#floorMoved;
  }

  async #write(): Promise<void> {
    while (this.#isDirty || this.#waiters.length > 0) {
      const acked = this.#acked;
      const waiters = this.#waiters;
      const floorMoved = this.#floorMoved;
      this.#acked = [];
      this.#waiters = [];
      this.#floorMoved = false;
      try {
        if (acked.length > 0 || floorMoved) await this.#delta(acked);
        // Between two deltas, never beside one: it trims all that came before it.
        if (this.#isSnapshotDue()) await this.#snapshot();
      } catch (error) {
        this.#acked = [...acked, ...this.#acked];
        this.#floorMoved ||= floorMoved;
        for (const waiter of [...waiters, ...this.#waiters]) waiter.reject(error);
        this.#waiters = [];
        this.#writeAfter(retryMs);
        break;
      }
      for (const waiter of waiters) waiter.resolve();
    }
    this.#writing = null;
  }

  #isSnapshotDue(): boolean {
    if (this.#wantsSnapshot) {
      this.#wantsSnapshot = false;
      return this.#deltaCount > 0;
    }
    return this.#deltaCount >= deltasMax || this.#deltaBytes >= deltaBytesMax;
  }

  async #delta(acked: number[]): Promise<void> {
    const floor = this.#backlog.floor;
    const above = acked.filter((sequence) => sequence >= floor).toSorted((a, b) => a - b);
    const record = encodeDelta({ floor, acked: above });
    await this.#append([{ kind: segmentKinds.ackDelta, record }]);
    this.#deltaCount++;
    this.#deltaBytes += record.length;
  }

  async #snapshot(): Promise<void> {
    const holes = [...this.#backlog.holes()];
    const parts = Math.max(1, Math.ceil(holes.length / holesPerPartMax));
    const records = Array.from({ length: parts }, (_, part) => ({
      kind: segmentKinds.ackSnapshot,
      record: encodeSnapshotPart({
        part,
        parts,
        frontier: this.#backlog.frontier,
        holes: holes.slice(part * holesPerPartMax, (part + 1) * holesPerPartMax),
      }),
    }));
    const first = await this.#append(records);
    this.#deltaCount = 0;
    this.#deltaBytes = 0;
    await this.#store.trim([{ log: this.#appender.log, below: first }]);
  }

  /** Returns where the first record landed. */
  async #append(records: readonly { kind: SegmentKind; record: Uint8Array }[]): Promise<number> {
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
