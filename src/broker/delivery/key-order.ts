import { AvailableMessages } from './available-messages.ts';
import type { Consumer } from './consumer.ts';
import { KeyQueue } from './key-queue.ts';
import type { Lease } from './lease.ts';

/**
 * Which of a subscription's scanned messages may be handed out, and to whom: those without an
 * ordering key to anybody, those of a key in their order. Keys that have nothing unacknowledged
 * are forgotten.
 */
export class KeyOrder {
  /** By tag: a keyed hash, never the ordering key itself. */
  readonly #keys = new Map<string, KeyQueue>();
  readonly #available = new AvailableMessages();
  readonly #onAvailable: () => void;

  constructor(onAvailable: () => void) {
    this.#onAvailable = onAvailable;
  }

  /** Messages for one consumer alone wait. */
  get hasBound(): boolean {
    return this.#available.hasBound;
  }

  peek(consumer: Consumer, leaseOf: (sequence: number) => Lease | undefined): number | undefined {
    return this.#available.peek(consumer, (sequence) => {
      const lease = leaseOf(sequence);
      if (lease === undefined) return false;
      return !lease.isScanned || (lease.state === 'available' && isAdmitted(lease, consumer));
    });
  }

  /** A message whose key is not known yet: whoever comes first looks at it. */
  addUnscanned(sequence: number): void {
    this.#available.push(sequence, null);
  }

  /** A message has just been found to be of a key; those of one key come in their order. */
  place(lease: Lease, tag: string): void {
    // One that is delayed or being forwarded by now stays so: it failed before it was looked at.
    if (lease.state === 'available') lease.state = 'held';
    let queue = this.#keys.get(tag);
    if (queue === undefined) this.#keys.set(tag, (queue = new KeyQueue(tag)));
    queue.append(lease);
    this.#offerNext(queue);
  }

  /** Messages of this key are known, and not all of them are outstanding from before a restart. */
  hasGoneOn(tag: string): boolean {
    const last = this.#keys.get(tag)?.last ?? null;
    return last !== null && (!last.isOutstanding || last.holder !== null);
  }

  handedOut(lease: Lease, consumer: Consumer): void {
    if (lease.queue === null) return;
    lease.queue.handedOut(lease, consumer);
    this.#offerNext(lease.queue);
  }

  /** It may be handed out again. */
  offer(lease: Lease): void {
    if (lease.queue !== null) {
      lease.state = 'held';
      this.#offerNext(lease.queue);
      return;
    }
    lease.state = 'available';
    this.#available.push(lease.sequence, null);
    this.#onAvailable();
  }

  /** Nobody has it any more; what was handed out of its key after it waits again, behind it. */
  rewind(lease: Lease, release: (later: Lease) => void): void {
    lease.state = 'held';
    const { queue } = lease;
    if (queue === null) return;
    const end = queue.next;
    queue.next = lease;
    for (let each = lease.later; each !== end && each !== null; each = each.later) {
      if (each.isOutstanding) release(each);
      each.state = 'held';
      each.ackId = '';
    }
  }

  /** It is done with before those ahead of it are: its key goes on behind it, if it was next. */
  passOver(lease: Lease): void {
    const { queue } = lease;
    if (queue === null || queue.next !== lease) return;
    queue.next = lease.later;
    this.#offerNext(queue);
  }

  /** It is done. Returns the next of its key if that was acknowledged ahead of it. */
  ended(lease: Lease): Lease | null {
    const { queue } = lease;
    if (queue === null) return null;
    queue.remove(lease);
    const { first } = queue;
    if (first === null) this.#keys.delete(queue.tag);
    else if (first.state === 'ahead') return first;
    else this.#offerNext(queue);
    return null;
  }

  /** Keys of a stream that has closed go on with the one that took its place. */
  adopt(consumer: Consumer): void {
    if (consumer.clientId === '') return;
    for (const queue of this.#keys.values()) {
      const { holder } = queue;
      if (holder === null || !holder.isClosed || holder.clientId !== consumer.clientId) continue;
      queue.holder = consumer;
      this.#offerNext(queue);
    }
  }

  /** A consumer is gone. What it has stays outstanding, and its keys with it. */
  forget(consumer: Consumer): void {
    this.#available.forget(consumer);
  }

  clear(): void {
    this.#keys.clear();
    this.#available.clear();
  }

  /** The next message of a key is available to whom the key admits, if to anybody. */
  #offerNext(queue: KeyQueue): void {
    const { next, follower } = queue;
    if (next === null || (next.state !== 'held' && next.state !== 'available')) return;
    if (queue.outstandingCount > 0 && follower === null) return;
    next.state = 'available';
    this.#available.push(next.sequence, follower);
    this.#onAvailable();
  }
}

/** Whether the order of its key, if it has one, lets a message go to this consumer now. */
export function isAdmitted(lease: Lease, consumer: Consumer): boolean {
  return lease.queue === null || lease.queue.admits(lease, consumer);
}
