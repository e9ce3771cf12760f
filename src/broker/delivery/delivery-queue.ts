import type { Clock } from '../../runtime/index.ts';
import type { Segment } from '../../storage/index.ts';
import type { Backlog } from './backlog.ts';
import type { Consumer } from './consumer.ts';
import type { Dispatcher, Turn } from './dispatcher.ts';
import type { Lease } from './lease.ts';
import type { MessageScan } from './message-scan.ts';
import type { Lane } from '../lanes/lane.ts';
import type { HeldSegment, LaneReader } from '../lanes/lane-reader.ts';
import { holds } from '../lanes/segment-shelf.ts';
import type { LeaseBudget } from './lease-budget.ts';
import type { DeliveryType } from '../observer.ts';
import type { Delivery } from '../service.ts';

export interface DeliveryOptions {
  readonly backlog: Backlog;
  readonly lane: Lane;
  readonly reader: LaneReader;
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  /** Messages handed out and not acknowledged, at most. */
  readonly window: number;
  readonly budget: LeaseBudget;
  /** What is asked of a message before its first delivery; null: nothing. */
  readonly scan: MessageScan | null;
  /** Of a delivery: 0 where attempts are not told. */
  readonly attemptOf: (lease: Lease) => number;
  /** Exactly once: leases are durable before their messages leave. Null: they need not be. */
  readonly commitLeases: () => ((leases: readonly Lease[]) => Promise<void>) | null;
  readonly onDelivered: (type: DeliveryType, count: number) => void;
  /** Messages were passed over that the filter keeps away, and nobody was told at publish. */
  readonly onPassed: (count: number) => void;
  /** Everything below this sequence was trimmed and is done. */
  readonly onMissing: (first: number) => void;
}

/** Leases that a subscription may have even where all others together have used up the rest. */
const guaranteedLeases = 1_000;

/** Messages that one turn looks at: those that are not for this consumer cost no bytes of it. */
const scansMax = 2_000;

/** What one turn hands out, and what it rests on. */
interface Gathered {
  readonly batch: Delivery[];
  readonly leases: Lease[];
  readonly segments: HeldSegment[];
  /** Messages that were looked at for the first time. */
  scanCount: number;
  /** Those of them that the filter keeps away, as far as nobody was told at publish. */
  passedCount: number;
}

/**
 * Hands the messages of one subscription to its consumers, in turns of a bounded size, round robin
 * over those with room. A lease exists before its message leaves.
 *
 * Where the window of unacknowledged messages is full, first deliveries wait; nothing is dropped.
 */
export class DeliveryQueue implements Turn {
  readonly #options: DeliveryOptions;
  /** In order of their next turn. */
  readonly #consumers = new Set<Consumer>();
  #isLoading = false;
  /** What was fetched for the next turn: others' reads cannot push it away. */
  #loaded: Segment | null = null;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  get consumerCount(): number {
    return this.#consumers.size;
  }

  /** Those that take messages now, waiting Pulls included. */
  consumers(): Iterable<Consumer> {
    return this.#consumers;
  }

  attach(consumer: Consumer): void {
    this.#consumers.add(consumer);
    this.#options.backlog.adoptKeys(consumer);
    this.wake();
  }

  /** What it holds stays leased until its deadline: its acks may come on another way. */
  detach(consumer: Consumer): void {
    consumer.isClosed = true;
    this.#consumers.delete(consumer);
    this.#options.backlog.forget(consumer);
  }

  wake(): void {
    if (this.#consumers.size > 0) this.#options.dispatcher.wake(this);
  }

  /** Tells every consumer why nothing more comes, and lets it go. */
  failAll(error: unknown): void {
    const consumers = [...this.#consumers];
    this.#consumers.clear();
    for (const consumer of consumers) consumer.fail(error);
  }

  /** True if this consumer could get something, now or after a read and a look at it. */
  hasAvailable(consumer: Consumer): boolean {
    return this.#candidate(consumer) !== undefined;
  }

  /** What keeps messages waiting that were never delivered: too many that are not acknowledged. */
  get heldBy(): 'window' | 'leases' | null {
    const { backlog, lane } = this.#options;
    return backlog.frontier < lane.tail ? this.#heldBy() : null;
  }

  turn(): boolean {
    try {
      for (const consumer of this.#consumers) {
        if (consumer.room === 0) continue;
        const turn = this.#gather(consumer);
        if (!this.#isLoading) this.#loaded = null;
        if (turn.batch.length > 0) return this.#handOut(turn, consumer);
        if (turn.scanCount > 0) return true;
        // What waits for others of them alone is theirs now; nothing else would be found again.
        if (this.#isLoading || !this.#options.backlog.hasBound) break;
      }
    } catch (error) {
      this.failAll(error);
      return false;
    }
    if (!this.#isLoading) this.#tellIdle();
    return false;
  }

  #handOut(turn: Gathered, consumer: Consumer): boolean {
    // Only who got something goes to the back: a turn that finds nothing costs nobody its place.
    if (this.#consumers.delete(consumer)) this.#consumers.add(consumer);
    const commit = this.#options.commitLeases();
    if (commit === null) this.#deliver(turn, consumer);
    else void this.#commitAndDeliver(turn, consumer, commit);
    return true;
  }

  #deliver({ batch, leases, segments }: Gathered, consumer: Consumer): void {
    if (segments.some(({ dek }) => !dek.isAlive)) {
      // A key died while others were asked for: its bytes are zeroed, or must not leave.
      for (const lease of leases) this.#options.backlog.giveBack(lease);
      return;
    }
    consumer.deliver(batch);
    this.#options.onDelivered(consumer.type, batch.length);
  }

  /** A few batches of a consumer are on their way to the disk at once; they arrive in order. */
  async #commitAndDeliver(
    turn: Gathered,
    consumer: Consumer,
    commit: (leases: readonly Lease[]) => Promise<void>,
  ): Promise<void> {
    consumer.committingCount++;
    for (const lease of turn.leases) lease.isLeaving = true;
    try {
      await commit(turn.leases);
    } catch (error) {
      for (const lease of stillLeased(turn).leases) this.#options.backlog.giveBack(lease);
      consumer.fail(error);
      return;
    } finally {
      consumer.committingCount--;
    }
    const kept = stillLeased(turn);
    for (const lease of kept.leases) lease.isLeaving = false;
    if (consumer.isClosed) for (const lease of kept.leases) this.#options.backlog.giveBack(lease);
    else if (kept.batch.length > 0) this.#deliver(kept, consumer);
    this.wake();
  }

  #candidate(consumer: Consumer): number | undefined {
    const { backlog, lane, budget } = this.#options;
    const sequence = backlog.peek(lane.tail, consumer);
    if (sequence === undefined || !backlog.isFirstDelivery(sequence)) return sequence;
    const heldBy = this.#heldBy();
    if (heldBy === null) return sequence;
    if (heldBy === 'leases') budget.wakeWhenFreed(this);
    return undefined;
  }

  #heldBy(): 'window' | 'leases' | null {
    const { backlog, window, budget } = this.#options;
    if (backlog.leaseCount >= window) return 'window';
    // However many leases others hold, and whether their consumers live or not, these are ours.
    if (!budget.isSpent || backlog.leaseCount < guaranteedLeases) return null;
    return 'leases';
  }

  #gather(consumer: Consumer): Gathered {
    const gathered: Gathered = {
      batch: [],
      leases: [],
      segments: [],
      scanCount: 0,
      passedCount: 0,
    };
    const nowMs = this.#options.clock.monotonicMs();
    let bytes = 0;
    while (bytes < consumer.limits.turnBytes && consumer.room > 0) {
      const sequence = this.#candidate(consumer);
      if (sequence === undefined || gathered.scanCount >= scansMax) break;
      const segment = this.#segmentFor(sequence, gathered);
      if (segment === undefined) break;
      if (!this.#look(segment, sequence, consumer, gathered)) continue;
      const size = sizeOf(segment, sequence);
      if (!consumer.admits(bytes + size, gathered.batch.length + 1)) break;
      const lease = this.#lease(segment, sequence, consumer, nowMs);
      bytes += size;
      gathered.leases.push(lease);
      gathered.batch.push(this.#delivery(segment, lease));
    }
    if (gathered.passedCount > 0) this.#options.onPassed(gathered.passedCount);
    return gathered;
  }

  /** Whether it may be handed out now: does its filter let it through, and its key's order? */
  #look(segment: HeldSegment, sequence: number, consumer: Consumer, gathered: Gathered): boolean {
    const { scan, backlog } = this.#options;
    if (scan === null) return true;
    if (backlog.isUnscanned(sequence)) {
      gathered.scanCount++;
      const index = sequence - segment.base;
      if (!scan.matches(segment, index)) {
        backlog.passOver(sequence);
        if (!scan.isCountedAtPublish(segment)) gathered.passedCount++;
        return false;
      }
      backlog.scanned(sequence, scan.tagOf(segment, index));
    }
    return backlog.mayHandOut(sequence, consumer);
  }

  /** The next message's segment; none if it has to be fetched, or if what was gathered goes first. */
  #segmentFor(sequence: number, { batch, segments }: Gathered): HeldSegment | undefined {
    const last = segments.at(-1);
    if (last !== undefined && holds(last, sequence)) return last;
    let segment: HeldSegment | undefined;
    try {
      segment = this.#options.reader.get(sequence, this.#loaded);
    } catch (error) {
      // The next turn meets the error again.
      if (batch.length > 0) return undefined;
      throw error;
    }
    if (segment === undefined) void this.#load(sequence);
    else segments.push(segment);
    return segment;
  }

  #lease(segment: HeldSegment, sequence: number, consumer: Consumer, nowMs: number): Lease {
    const message = {
      bytes: sizeOf(segment, sequence),
      publishTimeMs: segment.timeMs,
      deliveredMs: nowMs,
      deadlineMs: nowMs + consumer.ackDeadlineMs,
    };
    return this.#options.backlog.lease(sequence, consumer, message);
  }

  #delivery(segment: HeldSegment, lease: Lease): Delivery {
    const { ackId, publishTimeMs, sequence } = lease;
    const index = sequence - segment.base;
    const bytes = segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]);
    const messageId = this.#options.lane.messageId(sequence);
    const deliveryAttempt = this.#options.attemptOf(lease);
    return { ackId, messageId, publishTimeMs, deliveryAttempt, bytes };
  }

  /** Fetches what the next message needs; while it is under way no turn does anything. */
  async #load(sequence: number): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      const { first, segment } = await this.#options.reader.load(sequence);
      this.#loaded = segment;
      if (first > sequence) this.#options.onMissing(first);
    } catch (error) {
      // What retention has taken away meanwhile nobody misses.
      if (sequence >= this.#options.backlog.floor) this.failAll(error);
    } finally {
      this.#isLoading = false;
    }
    this.wake();
  }

  /** Nothing is to be had: a Pull that does not want to wait may answer. */
  #tellIdle(): void {
    for (const consumer of this.#consumers) if (consumer.committingCount === 0) consumer.idle();
  }
}

/** Bytes of a message as it is opened. */
function sizeOf(segment: HeldSegment, sequence: number): number {
  const index = sequence - segment.base;
  return segment.offsets[index + 1]! - segment.offsets[index]!;
}

/** Without what a seek, or the expiry of a lease, has taken away meanwhile. */
function stillLeased(turn: Gathered): Gathered {
  const isKept = (i: number): boolean => {
    const lease = turn.leases[i]!;
    return lease.isOutstanding && lease.ackId === turn.batch[i]!.ackId;
  };
  return {
    ...turn,
    leases: turn.leases.filter((_, i) => isKept(i)),
    batch: turn.batch.filter((_, i) => isKept(i)),
  };
}
