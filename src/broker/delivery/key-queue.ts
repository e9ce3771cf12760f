import type { Consumer } from './consumer.ts';
import type { Lease } from './lease.ts';

/**
 * The unacknowledged messages of one ordering key, in order: first those that were handed out
 * (outstanding, or acknowledged ahead of an earlier one), then from `next` on those that wait.
 *
 * While something of the key is outstanding, the key belongs to who has it.
 */
export class KeyQueue {
  readonly tag: string;
  first: Lease | null = null;
  /** The first that waits; what follows it waits for it. */
  next: Lease | null = null;
  /** Null: nobody, or somebody from before a restart. */
  holder: Consumer | null = null;
  outstandingCount = 0;
  #last: Lease | null = null;

  constructor(tag: string) {
    this.tag = tag;
  }

  get last(): Lease | null {
    return this.#last;
  }

  get isEmpty(): boolean {
    return this.first === null;
  }

  /** Messages of a key are scanned in their order, so a new one is the last. */
  append(lease: Lease): void {
    lease.queue = this;
    lease.earlier = this.#last;
    if (this.#last === null) this.first = lease;
    else this.#last.later = lease;
    this.#last = lease;
    if (!lease.isOutstanding) this.next ??= lease;
    else this.outstandingCount++;
  }

  remove(lease: Lease): void {
    if (this.next === lease) this.next = lease.later;
    if (lease.earlier === null) this.first = lease.later;
    else lease.earlier.later = lease.later;
    if (lease.later === null) this.#last = lease.earlier;
    else lease.later.earlier = lease.earlier;
    lease.queue = null;
    lease.earlier = null;
    lease.later = null;
  }

  /** Whether the key lets this message go to this consumer now. */
  admits(lease: Lease, consumer: Consumer): boolean {
    if (this.next !== lease) return false;
    if (lease.state !== 'held' && lease.state !== 'available') return false;
    return this.outstandingCount === 0 || this.#goesOnWith(consumer);
  }

  /** Who may get the next message while earlier ones are outstanding; null: nobody. */
  get follower(): Consumer | null {
    const { holder } = this;
    return holder !== null && this.#goesOnWith(holder) ? holder : null;
  }

  /** Push has one message of a key at a time (pubsub ordering). */
  #goesOnWith(consumer: Consumer): boolean {
    return consumer === this.holder && !consumer.isClosed && consumer.type !== 'push';
  }

  handedOut(lease: Lease, consumer: Consumer): void {
    this.outstandingCount++;
    this.holder = consumer;
    this.next = lease.later;
  }

  /** One of its outstanding messages is not outstanding any more. */
  released(): void {
    this.outstandingCount--;
    if (this.outstandingCount === 0) this.holder = null;
  }
}
