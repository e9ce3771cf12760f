const halfMax = 10_000;

/**
 * By which delivery messages were acknowledged, or given back, lately: so many at least, and twice
 * as many at most. What is sent again, because its answer was lost, is told from what is over.
 */
export class RecentAcks {
  #young = new Map<number, number>();
  #old = new Map<number, number>();

  /** `delivery`: the epoch and attempt of the ack id, as `deliveryOf` joins them. */
  add(sequence: number, delivery: number): void {
    if (this.#young.size >= halfMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(sequence, delivery);
  }

  /** Undefined: neither, or forgotten. */
  deliveryOf(sequence: number): number | undefined {
    return this.#young.get(sequence) ?? this.#old.get(sequence);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
