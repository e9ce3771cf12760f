import { boundText, labelText, type Page } from './exposition.ts';

/** The upper bounds of a histogram's buckets, and how they are written. */
export interface Buckets {
  readonly bounds: readonly number[];
  readonly labels: readonly string[];
}

export function bucketsOf(bounds: readonly number[]): Buckets {
  return { bounds, labels: [...bounds, Infinity].map((le) => labelText({ le: boundText(le) })) };
}

/** Numbers that were observed, as a Prometheus histogram. Observing is a few comparisons. */
export class Distribution {
  readonly #buckets: Buckets;
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(buckets: Buckets) {
    this.#buckets = buckets;
    this.#counts = new Float64Array(buckets.bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this.#buckets;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] ?? 0)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
  }

  get count(): number {
    return this.#counts.reduce((sum, each) => sum + each, 0);
  }

  /** Buckets, sum and count, under the labels given. */
  write(page: Page, name: string, labels: string): void {
    const start = labels === '' ? '' : `${labels},`;
    let count = 0;
    for (const [index, label] of this.#buckets.labels.entries()) {
      count += this.#counts[index] ?? 0;
      page.sample(`${name}_bucket`, start + label, count);
    }
    page.sample(`${name}_sum`, labels, this.#sum);
    page.sample(`${name}_count`, labels, count);
  }
}
