import type { Dek } from '../../envelope/index.ts';
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
import type { DeliveryType, StreamState } from '../observer.ts';
import type { Delivery } from '../service.ts';
import type { ReadyMessage } from '../transforms/ready-messages.ts';
import type { TransformStage } from '../transforms/transform-stage.ts';

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
  /** Where it is on, a message leaves as that has made it. */
  readonly transforms: TransformStage;
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
  /** What of it transforms have made. */
  readonly made: ReadyMessage[];
  readonly nowMs: number;
  bytes: number;
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

  /** How many streaming pulls are open, by what holds them up. */
  streamStates(): Partial<Record<StreamState, number>> {
    const states: Partial<Record<StreamState, number>> = {};
    for (const { type, state } of this.#consumers) {
      if (type === 'streaming pull') states[state] = (states[state] ?? 0) + 1;
    }
    return states;
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
    if (!this.#isLoading && !this.#options.transforms.isBusy) this.#tellIdle();
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

  #deliver(turn: Gathered, consumer: Consumer): void {
    const { batch, leases, segments, made } = turn;
    if (segments.some(isDead) || made.some(isDead)) {
      // A key died while others were asked for: its bytes are zeroed, or must not leave.
      for (const lease of leases) this.#options.backlog.giveBack(lease);
    } else {
      consumer.deliver(batch);
      this.#options.onDelivered(consumer.type, batch.length);
    }
    wipe(turn);
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
      wipe(turn);
      consumer.fail(error);
      return;
    } finally {
      consumer.committingCount--;
    }
    const kept = stillLeased(turn);
    for (const lease of kept.leases) lease.isLeaving = false;
    if (consumer.isClosed) for (const lease of kept.leases) this.#options.backlog.giveBack(lease);
    else if (kept.batch.length > 0) this.#deliver(kept, consumer);
    wipe(turn);
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
      made: [],
      nowMs: this.#options.clock.monotonicMs(),
      bytes: 0,
      scanCount: 0,
      passedCount: 0,
    };
    while (gathered.bytes < consumer.limits.turnBytes && consumer.room > 0) {
      const sequence = this.#candidate(consumer);
      if (sequence === undefined || gathered.scanCount >= scansMax) break;
      if (!this.#gatherOne(sequence, consumer, gathered)) break;
    }
    if (gathered.passedCount > 0) this.#options.onPassed(gathered.passedCount);
    return gathered;
  }

  /** Adds a message, or sees that it is not to be had now; false ends the turn. */
  #gatherOne(sequence: number, consumer: Consumer, gathered: Gathered): boolean {
    const { transforms } = this.#options;
    if (transforms.isOn) {
      const made = transforms.ready(sequence);
      if (made !== undefined) return this.#addMade(made, consumer, gathered);
      if (!transforms.hasRoom(consumer.room)) return false;
    }
    const segment = this.#segmentFor(sequence, gathered);
    if (segment === undefined) return false;
    if (!this.#look(segment, sequence, consumer, gathered)) return true;
    if (!transforms.isOn)
      return this.#add(sequence, viewOf(segment, sequence), segment.timeMs, consumer, gathered);
    transforms.begin(sequence, segment);
    return true;
  }

  /** The transforms have made it: it is what leaves. */
  #addMade(made: ReadyMessage, consumer: Consumer, gathered: Gathered): boolean {
    const { sequence, bytes, publishTimeMs } = made;
    if (!this.#add(sequence, bytes, publishTimeMs, consumer, gathered)) return false;
    this.#options.transforms.take(sequence);
    gathered.made.push(made);
    return true;
  }

  /** False: its consumer does not admit so much now. */
  #add(
    sequence: number,
    bytes: Uint8Array,
    publishTimeMs: number,
    consumer: Consumer,
    gathered: Gathered,
  ): boolean {
    const { backlog, attemptOf, lane } = this.#options;
    const { batch, leases, nowMs } = gathered;
    const { length } = bytes;
    if (!consumer.admits(gathered.bytes + length, batch.length + 1)) return false;
    const deadlineMs = nowMs + consumer.ackDeadlineMs;
    const message = { bytes: length, publishTimeMs, deliveredMs: nowMs, deadlineMs };
    const lease = backlog.lease(sequence, consumer, message);
    gathered.bytes += length;
    leases.push(lease);
    const { ackId } = lease;
    const messageId = lane.messageId(sequence);
    batch.push({ ackId, messageId, publishTimeMs, deliveryAttempt: attemptOf(lease), bytes });
    return true;
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

const isDead = ({ dek }: { readonly dek: Dek }): boolean => !dek.isAlive;

/** A message as it was opened. */
function viewOf(segment: HeldSegment, sequence: number): Uint8Array {
  const index = sequence - segment.base;
  return segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]);
}

/** What transforms have made has left, or must not: it is made again if it is wanted again. */
function wipe({ made }: Gathered): void {
  for (const { bytes } of made) bytes.fill(0);
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
