import type { PushClass } from '../broker/index.ts';
import { Distribution } from './page/distribution.ts';
import { labelText, type Page } from './page/exposition.ts';
import { otherResource } from './resources/resource-labels.ts';
import { microsecondBuckets } from './topic-series.ts';

/** Different codes of one endpoint that are told apart; the endpoint chooses them. */
const codesMax = 16;

interface Outcome {
  readonly labels: string;
  count: number;
}

interface Latencies {
  readonly labels: string;
  readonly distribution: Distribution;
}

/** Push requests of one subscription, by outcome. */
export class PushSeries {
  readonly #outcomes: Map<string, Outcome> = new Map();
  /** By code alone, as Google has it. */
  readonly #latencies: Map<string, Latencies> = new Map();

  add(responseClass: PushClass, code: string, ms: number): void {
    const latencies = this.#latencies.get(code) ?? this.#admit(code);
    latencies.distribution.observe(ms * 1000);
    this.#outcome(responseClass, latencies.labels).count++;
  }

  writeCounts(page: Page, name: string, labels: string): void {
    for (const { labels: own, count } of this.#outcomes.values()) {
      page.sample(name, `${labels},${own}`, count);
    }
  }

  writeLatencies(page: Page, name: string, labels: string): void {
    for (const { labels: own, distribution } of this.#latencies.values()) {
      distribution.write(page, name, `${labels},${own}`);
    }
  }

  #admit(code: string): Latencies {
    const shown = this.#latencies.size < codesMax ? code : otherResource;
    const labels = labelText({ response_code: shown, delivery_type: 'push' });
    const latencies = this.#latencies.get(shown) ?? {
      labels,
      distribution: new Distribution(microsecondBuckets),
    };
    this.#latencies.set(shown, latencies);
    return latencies;
  }

  #outcome(responseClass: PushClass, codeLabels: string): Outcome {
    const labels = `${labelText({ response_class: responseClass })},${codeLabels}`;
    const outcome = this.#outcomes.get(labels) ?? { labels, count: 0 };
    this.#outcomes.set(labels, outcome);
    return outcome;
  }
}
