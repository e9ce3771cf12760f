const halfMax = 10_000;

/**
 * By which delivery messages were acknowledged lately: so many at least, and twice as many at
 * most. An ack that is sent again, because its answer was lost, is told from one of an earlier
 * delivery.
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

  /** Undefined: not acknowledged, or forgotten. */
  deliveryOf(sequence: number): number | undefined {
    return this.#young.get(sequence) ?? this.#old.get(sequence);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
