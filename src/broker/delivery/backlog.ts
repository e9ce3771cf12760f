import type { DeliveryType } from '../observer.ts';
import type { AckIds } from './ack-id.ts';
import type { Consumer } from './consumer.ts';
import { Timed, type DeadlineWheel } from './deadline-wheel.ts';
import type { LeaseBudget } from './lease-budget.ts';
import { SequenceHeap } from './sequence-heap.ts';

/**
 * A message that was handed out at least once and not yet acknowledged: outstanding while a
 * consumer holds its lease, available again after a nack or an expired deadline.
 */
export class Lease extends Timed {
  readonly sequence: number;
  readonly backlog: Backlog;
  bytes = 0;
  publishTimeMs = 0;
  attempt = 0;
  ackId = '';
  holder: Consumer | null = null;
  /** How it was last handed out; of no meaning before that. */
  type: DeliveryType = 'pull';
  /** Whole milliseconds of the monotonic clock; -1 if it was last handed out before a restart. */
  deliveredMs = -1;

  constructor(backlog: Backlog, sequence: number) {
    super();
    this.backlog = backlog;
    this.sequence = sequence;
  }

  override expire(): void {
    this.backlog.expire(this);
  }
}

/**
 * What one subscription has not acknowledged of one lane.
 *
 * Below `frontier` every message was handed out: those not acknowledged have a Lease, all others
 * are done. From `frontier` on nothing was. So memory follows the leases, which the window bounds,
 * and never the length of the backlog or the number of holes in it.
 */
export class Backlog {
  readonly #wheel: DeadlineWheel;
  readonly #ackIds: AckIds;
  /** In order of sequence: a lease is created as the frontier passes it. */
  readonly #leases = new Map<number, Lease>();
  readonly #again = new SequenceHeap();
  /** Given back, and not yet available. */
  readonly #delayed = new Set<Lease>();
  readonly #budget: LeaseBudget;
  readonly #onAvailable: () => void;
  readonly #onExpired: (lease: Lease) => void;
  #outstandingCount = 0;
  #pushedCount = 0;
  #leasedBytes = 0;
  #unsizedCount = 0;
  #frontier: number;

  constructor(options: {
    readonly wheel: DeadlineWheel;
    readonly ackIds: AckIds;
    readonly budget: LeaseBudget;
    readonly frontier: number;
    /** Sequences below the frontier that are not acknowledged, ascending. */
    readonly holes: Iterable<number>;
    /** A message became available again, or a consumer has room again. */
    readonly onAvailable: () => void;
    /** The deadline of an outstanding message has passed; it is available again right after. */
    readonly onExpired: (lease: Lease) => void;
  }) {
    this.#wheel = options.wheel;
    this.#ackIds = options.ackIds;
    this.#budget = options.budget;
    this.#frontier = options.frontier;
    this.#onAvailable = options.onAvailable;
    this.#onExpired = options.onExpired;
    for (const sequence of options.holes) {
      this.#leases.set(sequence, new Lease(this, sequence));
      this.#again.push(sequence);
    }
    this.#unsizedCount = this.#leases.size;
    this.#budget.add(this.#leases.size);
  }

  get frontier(): number {
    return this.#frontier;
  }

  /** Messages handed out and not acknowledged, outstanding or not: what the window bounds. */
  get leaseCount(): number {
    return this.#leases.size;
  }

  get outstandingCount(): number {
    return this.#outstandingCount;
  }

  /** Those outstanding that push has. */
  get pushedCount(): number {
    return this.#pushedCount;
  }

  /** Bytes of what was handed out and not acknowledged, beside `unsizedCount` messages more. */
  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  /** Messages that were handed out before a restart only: their bytes are not known. */
  get unsizedCount(): number {
    return this.#unsizedCount;
  }

  /** When the next lease ends unless something happens; Infinity if none is outstanding. */
  get nextDeadlineMs(): number {
    let nextMs = Infinity;
    for (const { holder, deadlineMs } of this.#leases.values()) {
      if (holder !== null && deadlineMs < nextMs) nextMs = deadlineMs;
    }
    return nextMs;
  }

  /** Everything below is acknowledged. */
  get floor(): number {
    for (const sequence of this.#leases.keys()) return sequence;
    return this.#frontier;
  }

  /** The lease of the floor's message, if that was ever handed out. */
  get oldest(): Lease | undefined {
    for (const lease of this.#leases.values()) return lease;
    return undefined;
  }

  /** Unacknowledged sequences below the frontier, ascending. */
  holes(): IterableIterator<number> {
    return this.#leases.keys();
  }

  /** The sequence to hand out next; what came back goes first. */
  peek(tail: number): number | undefined {
    for (let first = this.#again.peek(); first !== undefined; first = this.#again.peek()) {
      const lease = this.#leases.get(first);
      if (lease && lease.holder === null) return first;
      this.#again.pop();
    }
    return this.#frontier < tail ? this.#frontier : undefined;
  }

  /** True if `peek`'s answer would be a first delivery. */
  isFirstDelivery(sequence: number): boolean {
    return sequence === this.#frontier;
  }

  /** Leases the message that `peek` named to a consumer. */
  lease(
    sequence: number,
    holder: Consumer,
    message: {
      readonly bytes: number;
      readonly publishTimeMs: number;
      readonly deliveredMs: number;
      readonly deadlineMs: number;
    },
  ): Lease {
    let lease = this.#leases.get(sequence);
    if (lease === undefined) {
      lease = new Lease(this, sequence);
      this.#leases.set(sequence, lease);
      this.#budget.add(1);
      this.#frontier = sequence + 1;
    } else {
      this.#again.pop();
      if (lease.attempt === 0) this.#unsizedCount--;
    }
    this.#leasedBytes += message.bytes - lease.bytes;
    lease.bytes = message.bytes;
    lease.publishTimeMs = message.publishTimeMs;
    lease.attempt++;
    lease.ackId = this.#ackIds.make(sequence, lease.attempt);
    lease.holder = holder;
    lease.type = holder.type;
    lease.deliveredMs = Math.round(message.deliveredMs);
    holder.take(message.bytes);
    this.#outstandingCount++;
    if (holder.type === 'push') this.#pushedCount++;
    this.#wheel.set(lease, message.deadlineMs);
    return lease;
  }

  /** The time of a lease has come: its deadline, or the end of a delay. */
  expire(lease: Lease): void {
    if (this.#delayed.delete(lease)) {
      this.#offer(lease);
      return;
    }
    this.#onExpired(lease);
    this.giveBack(lease);
  }

  /** Ends a lease without an ack. */
  giveBack(lease: Lease): void {
    if (lease.holder === null) return;
    this.#release(lease);
    this.#offer(lease);
  }

  /** Ends a lease without an ack; the message is available again only when the time has come. */
  delay(lease: Lease, untilMs: number): void {
    if (lease.holder === null) return;
    this.#release(lease);
    this.#delayed.add(lease);
    this.#wheel.set(lease, untilMs);
  }

  /** What was delayed is available now. */
  endDelays(): void {
    for (const lease of this.#delayed) {
      this.#wheel.remove(lease);
      this.#offer(lease);
    }
    this.#delayed.clear();
  }

  #offer(lease: Lease): void {
    this.#again.push(lease.sequence);
    this.#onAvailable();
  }

  /** The lease that this ack id names now: current, or of an earlier delivery of the message. */
  find(
    ackId: string,
  ): 'malformed' | 'gone' | { readonly lease: Lease; readonly isCurrent: boolean } {
    const claimed = this.#leases.get(this.#ackIds.claimedSequence(ackId));
    if (claimed !== undefined && claimed.ackId === ackId) {
      return { lease: claimed, isCurrent: claimed.holder !== null };
    }
    const target = this.#ackIds.parse(ackId);
    if (target === null) return 'malformed';
    this.#passUpTo(target.sequence);
    const lease = this.#leases.get(target.sequence);
    return lease === undefined ? 'gone' : { lease, isCurrent: false };
  }

  /**
   * A genuine id above the frontier was made before a restart that forgot how far deliveries had
   * come: everything up to it counts as handed out, and is available again.
   */
  #passUpTo(sequence: number): void {
    for (; this.#frontier <= sequence; this.#frontier++) {
      this.#leases.set(this.#frontier, new Lease(this, this.#frontier));
      this.#again.push(this.#frontier);
      this.#unsizedCount++;
      this.#budget.add(1);
    }
  }

  /** Ends a message for good; false if it had ended before. */
  acknowledge(lease: Lease): boolean {
    if (!this.#leases.delete(lease.sequence)) return false;
    this.#budget.add(-1);
    this.#leasedBytes -= lease.bytes;
    if (lease.attempt === 0) this.#unsizedCount--;
    if (lease.holder !== null) this.#release(lease);
    else if (this.#delayed.delete(lease)) this.#wheel.remove(lease);
    this.#onAvailable();
    return true;
  }

  extend(lease: Lease, deadlineMs: number): void {
    if (lease.holder !== null) this.#wheel.set(lease, deadlineMs);
  }

  /** Drops everything below `cut`: retention has passed over it. */
  expireBelow(cut: number): void {
    for (const [sequence, lease] of this.#leases) {
      if (sequence >= cut) break;
      this.acknowledge(lease);
    }
    this.#frontier = Math.max(this.#frontier, cut);
  }

  /** Leaves the wheel; the subscription is gone. */
  close(): void {
    for (const lease of this.#leases.values()) this.#wheel.remove(lease);
    this.#budget.add(-this.#leases.size);
    this.#leases.clear();
    this.#delayed.clear();
    this.#again.clear();
  }

  #release(lease: Lease): void {
    this.#wheel.remove(lease);
    lease.holder?.release(lease.bytes);
    lease.holder = null;
    this.#outstandingCount--;
    if (lease.type === 'push') this.#pushedCount--;
  }
}
