import type { PublishSizes } from '../broker/index.ts';
import type { StatusCode } from '../rpc/index.ts';
import { ConfigCounts } from './config-counts.ts';
import { bucketsOf, Distribution, type Buckets } from './page/distribution.ts';
import { labelText, type Page } from './page/exposition.ts';
import { topicLabels } from './resources/resource-labels.ts';
import { CodeCounts, codeAt, columnOf, responseCode } from './response-labels.ts';
import type { RowFamily } from './page/row-family.ts';
import { TransformSeries } from './transform-series.ts';

/** From a few bytes to the largest request; most messages are between 100 bytes and 100 KB. */
const byteBuckets: Buckets = bucketsOf([64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1e6, 1e7]);
/** From a disk at its best to one that stalls; Google's unit. */
export const microsecondBuckets: Buckets = bucketsOf([
  250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 500_000, 1e6, 1e7,
]);

/** Everything that is counted for one topic. */
export class TopicSeries {
  readonly labels: string;
  readonly requests: CodeCounts = new CodeCounts();
  readonly config: ConfigCounts = new ConfigCounts();
  readonly sizes: Distribution = new Distribution(byteBuckets);
  #transforms: TransformSeries | undefined;
  /** By code, unordered before ordered; made when first needed. */
  readonly #latencies: Distribution[] = [];

  constructor(topic: string) {
    this.labels = topicLabels(topic);
  }

  publish(code: StatusCode, { messageBytes, hasOrdering }: PublishSizes, ms: number): void {
    this.requests.add(code);
    for (const bytes of messageBytes) this.sizes.observe(bytes);
    const column = columnOf(code) * 2 + (hasOrdering ? 1 : 0);
    (this.#latencies[column] ??= new Distribution(microsecondBuckets)).observe(ms * 1000);
  }

  /** Made when it is first counted in. */
  transforms(): TransformSeries {
    return (this.#transforms ??= new TransformSeries());
  }

  writeTransforms(page: Page, name: string): void {
    this.#transforms?.write(page, name, this.labels);
  }

  writeLatencies(page: Page, name: string): void {
    // Schemas do not exist here; the label keeps Google's queries working.
    for (const [column, latencies] of Object.entries(this.#latencies)) {
      const more = labelText({
        response_code: responseCode(codeAt(Math.floor(Number(column) / 2))),
        has_ordering: String(Number(column) % 2 === 1),
        schema_type: 'none',
      });
      latencies.write(page, name, `${this.labels},${more}`);
    }
  }
}

const published = labelText({ response_code: 'success' });

export const topicFamilies: readonly RowFamily<TopicSeries>[] = [
  {
    name: 'pubsub_topic_send_request_count',
    help: 'Publish requests, by response.',
    type: 'counter',
    write: (row, page, name) => row.requests.write(page, name, row.labels),
  },
  {
    name: 'pubsub_topic_send_request_latencies',
    help: 'Microseconds from a publish request to its answer.',
    type: 'histogram',
    write: (row, page, name) => row.writeLatencies(page, name),
  },
  {
    name: 'pubsub_topic_message_sizes',
    help: 'Bytes of each published message; its count is the number of published messages.',
    type: 'histogram',
    write: (row, page, name) => {
      if (row.sizes.count > 0) row.sizes.write(page, name, row.labels);
    },
  },
  {
    name: 'pubsub_topic_message_transform_latencies',
    help: 'Milliseconds that the transforms of a topic took for a message, by what came of it.',
    type: 'histogram',
    write: (row, page, name) => row.writeTransforms(page, name),
  },
  {
    name: 'pubsub_topic_send_message_operation_count',
    help: 'Deprecated by Google: messages published; see message_sizes.',
    type: 'counter',
    write: (row, page, name) => {
      const { count } = row.sizes;
      if (count > 0) page.sample(name, `${row.labels},${published}`, count);
    },
  },
  {
    name: 'pubsub_topic_config_updates_count',
    help: 'Topics created, changed and deleted, or refused to be.',
    type: 'counter',
    write: (row, page, name) => row.config.write(page, name, row.labels),
  },
];
