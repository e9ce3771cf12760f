import type { LeaseRecord } from './lease-record.ts';
import type { AckPosition } from './snapshot-records.ts';

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

  clear(): void {
    this.#leases.clear();
  }

  /**
   * Those of unacknowledged messages with a deadline above `nowMs` of the wall clock; all others
   * are dropped. An acknowledgement may come while its lease is still being written.
   */
  live(nowMs: number, position: AckPosition): Iterable<LeaseRecord> {
    if (this.#leases.size === 0) return [];
    const open = new Set(position.holes());
    for (const [sequence, { deadlineWallMs, generation }] of this.#leases) {
      const isLive = deadlineWallMs > nowMs && generation === position.generation;
      if (!isLive || !open.has(sequence)) this.#leases.delete(sequence);
    }
    return this.#leases.values();
  }
}
