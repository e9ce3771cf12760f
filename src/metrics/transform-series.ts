import type { TransformResult } from '../broker/index.ts';
import { bucketsOf, Distribution, type Buckets } from './page/distribution.ts';
import { labelText, type Page } from './page/exposition.ts';

/** From a compiled function to one that is stopped for its length; Google's unit, milliseconds. */
const transformBuckets: Buckets = bucketsOf([0.1, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000]);

const labelsOf: Readonly<Record<TransformResult, string>> = {
  success: labelText({ status: 'success', filtered: 'false' }),
  filtered: labelText({ status: 'success', filtered: 'true' }),
  failure: labelText({ status: 'failure', filtered: 'false' }),
};

/** How long the transforms of one topic or subscription take, by what comes of it. */
export class TransformSeries {
  readonly #latencies = new Map<TransformResult, Distribution>();

  observe(result: TransformResult, count: number, eachMs: number): void {
    let latencies = this.#latencies.get(result);
    if (latencies === undefined) {
      this.#latencies.set(result, (latencies = new Distribution(transformBuckets)));
    }
    for (let i = 0; i < count; i++) latencies.observe(eachMs);
  }

  write(page: Page, name: string, labels: string): void {
    for (const [result, latencies] of this.#latencies) {
      latencies.write(page, name, `${labels},${labelsOf[result]}`);
    }
  }
}
