/** The leases of all subscriptions together; one costs about 256 bytes. */
export class LeaseBudget {
  readonly #countMax: number;
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
  }
}
