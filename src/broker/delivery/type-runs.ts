import type { DeliveryType } from '../observer.ts';

/**
 * Counts messages by the way they were delivered, so that a batch is reported as a whole: nearly
 * always all of it came the same way.
 */
export class TypeRuns {
  readonly #report: (type: DeliveryType, count: number) => void;
  #type: DeliveryType = 'pull';
  #count = 0;

  constructor(report: (type: DeliveryType, count: number) => void) {
    this.#report = report;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(type: DeliveryType): void {
    if (type !== this.#type) {
      this.end();
      this.#type = type;
    }
    this.#count++;
  }

  /** Reports what was counted since the last report, if anything. */
  end(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    this.#report(this.#type, count);
  }
}
