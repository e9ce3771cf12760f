import type { AckIds } from './ack-id.ts';
import type { Consumer } from './consumer.ts';
import type { DeadlineWheel } from './deadline-wheel.ts';
import type { Acknowledged, BacklogOptions, FoundLease, RestoredLease } from './backlog-options.ts';
import { DelayedLeases } from './delayed-leases.ts';
import { isAdmitted, KeyOrder } from './key-order.ts';
import { Lease, type HandedOut } from './lease.ts';
import type { LeaseBudget } from './lease-budget.ts';

/**
 * What one subscription has not acknowledged of one lane.
 *
 * Below `frontier` every message was scanned: those not acknowledged have a Lease, all others are
 * done. From `frontier` on nothing was. So memory follows the leases, which the window bounds, and
 * never the length of the backlog, the number of holes in it or of ordering keys.
 */
export class Backlog {
  readonly #options: BacklogOptions;
  readonly #wheel: DeadlineWheel;
  readonly #ackIds: AckIds;
  readonly #budget: LeaseBudget;
  /** In order of sequence: a lease is created as the frontier passes it. */
  readonly #leases = new Map<number, Lease>();
  readonly #order: KeyOrder;
  readonly #delayed: DelayedLeases;
  #outstandingCount = 0;
  #pushedCount = 0;
  #leasedBytes = 0;
  #unsizedCount = 0;
  #frontier: number;

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.#wheel = options.wheel;
    this.#ackIds = options.ackIds;
    this.#budget = options.budget;
    this.#frontier = options.frontier;
    this.#order = new KeyOrder(options.onAvailable);
    this.#delayed = new DelayedLeases(this.#wheel, this.#order);
    for (const sequence of options.holes) this.#addUnscanned(sequence);
  }

  #addUnscanned(sequence: number): Lease {
    const lease = new Lease(this, sequence);
    this.#leases.set(sequence, lease);
    this.#order.addUnscanned(sequence);
    this.#unsizedCount++;
    this.#budget.add(1);
    return lease;
  }

  get frontier(): number {
    return this.#frontier;
  }

  /** How often it was replaced by a seek. */
  get generation(): number {
    return this.#ackIds.generation;
  }

  /** Messages scanned and not acknowledged, outstanding or not: what the window bounds. */
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

  /** Messages that were never handed out, or before a restart only: their bytes are not known. */
  get unsizedCount(): number {
    return this.#unsizedCount;
  }

  /** Everything below is acknowledged. */
  get floor(): number {
    for (const sequence of this.#leases.keys()) return sequence;
    return this.#frontier;
  }

  /** The lease of the floor's message, if that was ever scanned. */
  get oldest(): Lease | undefined {
    return this.#leases.values().next().value;
  }

  /** Unacknowledged sequences below the frontier, ascending. */
  holes(): IterableIterator<number> {
    return this.#leases.keys();
  }

  /** All that was scanned and is not acknowledged, ascending. */
  leases(): IterableIterator<Lease> {
    return this.#leases.values();
  }

  /** Messages for one consumer alone wait: those of its ordering keys. */
  get hasBound(): boolean {
    return this.#order.hasBound;
  }

  /** The sequence to hand out to this consumer next, or to scan; what came back goes first. */
  peek(tail: number, consumer: Consumer): number | undefined {
    const again = this.#order.peek(consumer, (sequence) => this.#leases.get(sequence));
    return again ?? (this.#frontier < tail ? this.#frontier : undefined);
  }

  /** True if `peek`'s answer would be a first delivery. */
  isFirstDelivery(sequence: number): boolean {
    return sequence === this.#frontier;
  }

  /** Its filter and its ordering key were not looked at yet. */
  isUnscanned(sequence: number): boolean {
    return this.#leases.get(sequence)?.isScanned !== true;
  }

  /** The filter keeps an unscanned message away: it is done. */
  passOver(sequence: number): void {
    const lease = this.#leases.get(sequence);
    if (lease !== undefined) {
      this.#end(lease);
      return;
    }
    this.#frontier = sequence + 1;
    this.#options.onPassed(sequence);
  }

  /** Moves the frontier over messages that the filter keeps away, all of them. */
  passOverTo(end: number): void {
    this.#frontier = Math.max(this.#frontier, end);
  }

  /** An unscanned message has an ordering key, or none (null). */
  scanned(sequence: number, tag: string | null): void {
    let lease = this.#leases.get(sequence);
    if (lease === undefined) {
      // Without a key it becomes a lease only when it is handed out.
      if (tag === null) return;
      lease = this.#addAtFrontier(sequence);
      this.#unsizedCount++;
    }
    lease.isScanned = true;
    if (tag === null) return;
    if (lease.isOutstanding && this.#order.hasGoneOn(tag)) this.#revoke(lease);
    this.#order.place(lease, tag);
  }

  /** It is outstanding, and void: an earlier message of its key has failed. */
  #revoke(lease: Lease): void {
    this.#release(lease);
    if (!lease.isLeaving) this.#options.onVoided(lease);
    lease.state = 'held';
    lease.ackId = '';
  }

  /** False if a scanned message has to wait for others of its key, or is outstanding already. */
  mayHandOut(sequence: number, consumer: Consumer): boolean {
    const lease = this.#leases.get(sequence);
    if (lease === undefined) return true;
    const isFree = lease.state === 'available' || lease.state === 'held';
    return isFree && isAdmitted(lease, consumer);
  }

  #addAtFrontier(sequence: number): Lease {
    const lease = new Lease(this, sequence);
    this.#leases.set(sequence, lease);
    this.#budget.add(1);
    this.#frontier = sequence + 1;
    return lease;
  }

  /** Leases the message that `peek` named to a consumer. */
  lease(sequence: number, holder: Consumer, message: HandedOut): Lease {
    let lease = this.#leases.get(sequence);
    if (lease === undefined) lease = this.#addAtFrontier(sequence);
    else if (!lease.isSized) this.#unsizedCount--;
    this.#leasedBytes += message.bytes - lease.bytes;
    lease.attempt++;
    lease.handedOut(holder, message, this.#ackIds.make(sequence, lease.attempt));
    holder.take(message.bytes);
    this.#outstandingCount++;
    if (holder.type === 'push') this.#pushedCount++;
    this.#wheel.set(lease, message.deadlineMs);
    this.#order.handedOut(lease, holder);
    return lease;
  }

  /** Exactly once: what was outstanding before a restart still is. Nobody here holds it. */
  restore(was: RestoredLease): void {
    const lease = this.#leases.get(was.sequence);
    if (lease === undefined || lease.state !== 'available') return;
    lease.restored(was, this.#ackIds.makeAgain(was.ackEpoch, was.sequence, was.attempt));
    this.#outstandingCount++;
    this.#wheel.set(lease, was.deadlineMs);
  }

  /** The time of a lease has come: its deadline, or the end of a delay. */
  expire(lease: Lease): void {
    if (this.#delayed.expire(lease)) return;
    // The disk took longer than the deadline: nobody got it, so that nobody failed.
    if (lease.isLeaving) return this.giveBack(lease);
    this.#options.onExpired(lease);
    this.fail(lease);
  }

  /** A nack, or a deadline that passed: it comes again when that is due, or is forwarded. */
  fail(lease: Lease, notBeforeMs = 0): void {
    if (!lease.isOutstanding) return;
    this.#takeBack(lease);
    this.#failed(lease, notBeforeMs);
  }

  /** The message that `peek` named is nobody's until its transforms have ended. */
  beginTransform(sequence: number): Lease {
    const known = this.#leases.get(sequence);
    if (known === undefined) this.#unsizedCount++;
    const lease = known ?? this.#addAtFrontier(sequence);
    lease.isScanned = true;
    lease.state = 'transforming';
    return lease;
  }

  /** It is available: transformed, or to be transformed again. */
  endTransform(lease: Lease): void {
    if (lease.state === 'transforming') this.#order.offer(lease);
  }

  /** As `fail`, of a message that never left. */
  failTransform(lease: Lease, notBeforeMs: number): void {
    if (lease.state !== 'transforming') return;
    lease.state = 'held';
    this.#failed(lease, notBeforeMs);
  }

  #failed(lease: Lease, notBeforeMs: number): void {
    lease.failures++;
    const due = this.#options.redeliver(lease);
    if (due === 'forward') {
      lease.state = 'forwarding';
      lease.dueMs = notBeforeMs;
      this.#options.onForward(lease);
    } else this.#delayed.offerAt(lease, due, notBeforeMs);
  }

  /** It could not be forwarded: it comes again as if it need not have been. */
  forwardFailed(lease: Lease, dueMs: number): void {
    if (lease.state === 'forwarding') this.#delayed.offerAt(lease, dueMs, lease.dueMs);
  }

  /** Ends a lease whose message did not leave. */
  giveBack(lease: Lease): void {
    if (!lease.isOutstanding) return;
    this.#takeBack(lease);
    this.#order.offer(lease);
  }

  /** What was delayed for longer than its retry asks for is available, or soon is. */
  endDelays(): void {
    this.#delayed.end();
  }

  #takeBack(lease: Lease): void {
    this.#release(lease);
    this.#order.rewind(lease, (later) => this.#revoke(later));
  }

  /** A stream with the client id of one that has closed takes over its ordering keys. */
  adoptKeys(consumer: Consumer): void {
    this.#order.adopt(consumer);
  }

  /** A consumer is gone. What it has stays outstanding, and its ordering keys with it. */
  forget(consumer: Consumer): void {
    this.#order.forget(consumer);
  }

  /** What this ack id names now. */
  find(ackId: string): FoundLease | 'malformed' | 'void' | 'gone' {
    const claimed = this.#leases.get(this.#ackIds.claimedSequence(ackId));
    if (claimed !== undefined && claimed.ackId === ackId) {
      return { lease: claimed, isLatest: true, isCurrent: claimed.isOutstanding };
    }
    const target = this.#ackIds.parse(ackId);
    if (target === null) return 'malformed';
    if (target.generation !== this.generation) return 'void';
    this.#passUpTo(target.sequence);
    const lease = this.#leases.get(target.sequence);
    return lease === undefined ? 'gone' : { lease, isLatest: false, isCurrent: false };
  }

  /**
   * A genuine id above the frontier was made before a restart that forgot how far deliveries had
   * come: everything up to it counts as handed out, and is available again.
   */
  #passUpTo(sequence: number): void {
    for (; this.#frontier <= sequence; this.#frontier++) this.#addUnscanned(this.#frontier);
  }

  /** Nothing of its ordering key is unacknowledged before it. */
  isFirstOfKey(lease: Lease): boolean {
    return lease.queue === null || lease.queue.first === lease;
  }

  /** Ends a message for good, once all before it of its ordering key are. */
  acknowledge(lease: Lease): Acknowledged {
    if (lease.state === 'ended') return 'void';
    if (!this.isFirstOfKey(lease)) {
      // A forwarded one is done as well, and its key goes on once those before it are.
      if (lease.isOutstanding) this.#release(lease);
      else if (lease.state === 'transforming') this.#order.passOver(lease);
      else if (lease.state !== 'forwarding') return 'void';
      lease.state = 'ahead';
      this.#options.onAvailable();
      return 'ahead';
    }
    this.#end(lease);
    this.#options.onAvailable();
    return 'done';
  }

  extend(lease: Lease, deadlineMs: number): void {
    if (lease.isOutstanding) this.#wheel.set(lease, deadlineMs);
  }

  /** Drops everything below `cut`: retention has passed over it. */
  expireBelow(cut: number): void {
    for (const [sequence, lease] of this.#leases) {
      if (sequence >= cut) break;
      this.#end(lease);
    }
    this.#frontier = Math.max(this.#frontier, cut);
    this.#options.onAvailable();
  }

  /** A seek: all leases are over, and what is unacknowledged is this. */
  reset(frontier: number, holes: Iterable<number>): void {
    this.close();
    this.#ackIds.beginGeneration();
    this.#frontier = frontier;
    for (const sequence of holes) this.#addUnscanned(sequence);
    this.#options.onAvailable();
  }

  /** Leaves the wheel; nobody holds anything any more. */
  close(): void {
    for (const lease of this.#leases.values()) {
      if (lease.isOutstanding) this.#release(lease);
      this.#wheel.remove(lease);
      lease.state = 'ended';
    }
    this.#budget.add(-this.#leases.size);
    this.#leases.clear();
    this.#delayed.clear();
    this.#order.clear();
    this.#leasedBytes = 0;
    this.#unsizedCount = 0;
  }

  /** With it go those after it of its key that were acknowledged ahead of it. */
  #end(lease: Lease): void {
    for (let each: Lease | null = lease; each !== null;) {
      this.#forget(each);
      each = this.#order.ended(each);
    }
  }

  #forget(lease: Lease): void {
    this.#leases.delete(lease.sequence);
    this.#budget.add(-1);
    this.#leasedBytes -= lease.bytes;
    if (!lease.isSized) this.#unsizedCount--;
    if (lease.isOutstanding) this.#release(lease);
    this.#delayed.forget(lease);
    lease.state = 'ended';
    this.#options.onEnded(lease.sequence);
  }

  #release(lease: Lease): void {
    this.#wheel.remove(lease);
    lease.holder?.release(lease.bytes);
    lease.holder = null;
    lease.queue?.released();
    this.#outstandingCount--;
    if (lease.type === 'push') this.#pushedCount--;
  }
}
