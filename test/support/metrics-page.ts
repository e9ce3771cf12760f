import { type BacklogReport, type TopicReport } from '../../src/broker/index.ts';
import { Metrics } from '../../src/metrics/index.ts';
import type { Clock } from '../../src/runtime/index.ts';

/** The metrics of a broker without a server, with what the page shows. */
export class MetricsPage {
  readonly metrics: Metrics;

  constructor(
    clock: Clock,
    source: {
      readonly backlogs?: () => Promise<readonly BacklogReport[]>;
      readonly topics?: () => Promise<readonly TopicReport[]>;
    } = {},
  ) {
    this.metrics = new Metrics({
      clock,
      resourcesMax: 100,
      source: {
        backlogs: async () => (await source.backlogs?.()) ?? [],
        topics: async () => (await source.topics?.()) ?? [],
        snapshots: async () => [],
        storeStats: () => ({ diskBytes: 0, segmentCount: 0 }),
        diskFreeBytes: () => 1,
        openedBytes: () => 0,
      },
    });
  }

  /** The sum of a metric's samples that have all of these labels. */
  async sum(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { body } = await this.metrics.page();
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return body
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
