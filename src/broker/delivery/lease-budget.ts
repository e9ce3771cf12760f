/** The leases of all subscriptions together; one costs about 256 bytes. */
export class LeaseBudget {
  readonly #countMax: number;
  readonly #waiting = new Set<{ wake(): void }>();
  #count = 0;

  /** The default bounds the memory of all leases by 256 MiB. */
  constructor(countMax: number = 1 << 20) {
    this.#countMax = countMax;
  }

  get isSpent(): boolean {
    return this.#count >= this.#countMax;
  }

  add(count: number): void {
    this.#count += count;
    if (count >= 0 || this.isSpent || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const each of waiting) each.wake();
  }

  /** Wakes it once there is room again: leases of others end without its knowing. */
  wakeWhenFreed(waiting: { wake(): void }): void {
    this.#waiting.add(waiting);
  }
}
