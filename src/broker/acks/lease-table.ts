import type { LeaseRecord } from './lease-record.ts';

/** The leases of an exactly-once subscription that a snapshot has to carry on. */
export class LeaseTable {
  readonly #leases = new Map<number, LeaseRecord>();

  constructor(leases: readonly LeaseRecord[]) {
    for (const lease of leases) this.set(lease);
  }

  set(lease: LeaseRecord): void {
    this.#leases.set(lease.sequence, lease);
  }

  delete(sequence: number): void {
    this.#leases.delete(sequence);
  }

  /** This record, unless a later one of its message has taken its place. */
  forget(lease: LeaseRecord): void {
    if (this.#leases.get(lease.sequence) === lease) this.#leases.delete(lease.sequence);
  }

  clear(): void {
    this.#leases.clear();
  }

  /** Those with a deadline above `nowMs` of the wall clock; all others are dropped. */
  after(nowMs: number): IterableIterator<LeaseRecord> {
    for (const [sequence, { deadlineWallMs }] of this.#leases) {
      if (deadlineWallMs <= nowMs) this.#leases.delete(sequence);
    }
    return this.#leases.values();
  }
}
