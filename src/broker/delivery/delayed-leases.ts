import type { DeadlineWheel } from './deadline-wheel.ts';
import type { KeyOrder } from './key-order.ts';
import type { Lease } from './lease.ts';

/** Messages that failed and are to come again only later. */
export class DelayedLeases {
  readonly #wheel: DeadlineWheel;
  readonly #order: KeyOrder;
  readonly #leases = new Set<Lease>();

  constructor(wheel: DeadlineWheel, order: KeyOrder) {
    this.#wheel = wheel;
    this.#order = order;
  }

  /** Offers a message when it is due by its retry, and not before the other moment; 0: at once. */
  offerAt(lease: Lease, dueMs: number, notBeforeMs: number): void {
    lease.dueMs = dueMs;
    const untilMs = Math.max(dueMs, notBeforeMs);
    if (untilMs <= 0) {
      this.#order.offer(lease);
      return;
    }
    lease.state = 'delayed';
    this.#leases.add(lease);
    this.#wheel.set(lease, untilMs);
  }

  /** The time of a message has come, which is available now; false if it was none of these. */
  expire(lease: Lease): boolean {
    if (!this.#leases.delete(lease)) return false;
    this.#order.offer(lease);
    return true;
  }

  /** What was delayed for longer than its retry asks for is available, or soon is. */
  end(): void {
    for (const lease of this.#leases) {
      if (lease.dueMs > 0) this.#wheel.set(lease, lease.dueMs);
      else {
        this.#wheel.remove(lease);
        this.expire(lease);
      }
    }
  }

  /** A message is done. */
  forget(lease: Lease): void {
    if (this.#leases.delete(lease)) this.#wheel.remove(lease);
  }

  clear(): void {
    this.#leases.clear();
  }
}
