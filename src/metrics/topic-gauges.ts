import type { TopicReport } from '../broker/index.ts';
import { labelText, type Family } from './page/exposition.ts';
import { otherResource, topicLabels } from './resources/resource-labels.ts';
import { familiesOf, reportGauge, type ReportRow, type RowFamily } from './page/row-family.ts';
import { TopResources } from './resources/top-resources.ts';

/** Where topics stand: those that retain the most each, the others together. */
export class TopicGauges {
  readonly #top: TopResources<TopicReport>;

  constructor(max: number) {
    // A topic whose key cannot be used is shown before any that works.
    this.#top = new TopResources(
      max,
      ({ topic }) => topic,
      ({ retainedMessages, isKeyUsable }) => (isKeyUsable ? retainedMessages : Number.MAX_VALUE),
    );
  }

  families(reports: readonly TopicReport[]): Family[] {
    const { shown, rest } = this.#top.select(reports);
    const all = rest.length === 0 ? shown : [...shown, merge(rest)];
    const rows = all.map((report) => ({ labels: topicLabels(report.topic), report }));
    return familiesOf(topicFamilies, () => rows);
  }
}

const topicFamilies: readonly RowFamily<ReportRow<TopicReport>>[] = [
  reportGauge(
    'pubsub_topic_num_retained_messages',
    "Messages that the topic's own retention keeps; 0 without one.",
    (report) => report.retainedMessages,
  ),
  reportGauge(
    'pubsub_topic_retained_bytes',
    "Bytes that the topic's own retention keeps.",
    (report) => report.retainedBytes,
  ),
  reportGauge(
    'pubsub_topic_oldest_retained_message_age',
    "Seconds since the publish of the oldest message that the topic's own retention keeps.",
    (report) => report.oldestRetainedAgeSeconds,
  ),
  {
    name: 'sealpost_topic_key_usable',
    help: "1 where the topic's newest key could be used when it was last asked, else 0.",
    type: 'gauge',
    write: ({ report, labels }, page, name) => {
      const more = labelText({ kms_key_name: report.keyName });
      page.sample(name, `${labels},${more}`, report.isKeyUsable ? 1 : 0);
    },
  },
];

/** Together: sums, the age of the oldest, and usable only if every key is. */
function merge(reports: readonly TopicReport[]): TopicReport {
  const sum = (valueOf: (report: TopicReport) => number): number =>
    reports.reduce((total, report) => total + valueOf(report), 0);
  return {
    topic: otherResource,
    retainedMessages: sum((report) => report.retainedMessages),
    retainedBytes: sum((report) => report.retainedBytes),
    oldestRetainedAgeSeconds: reports.reduce(
      (age, { oldestRetainedAgeSeconds: own }) => (own > age ? own : age),
      0,
    ),
    keyName: otherResource,
    isKeyUsable: reports.every(({ isKeyUsable }) => isKeyUsable),
  };
}
