import type { SnapshotReport } from '../broker/index.ts';
import { ConfigCounts } from './config-counts.ts';
import type { Family } from './page/exposition.ts';
import { familiesOf, reportGauge, type ReportRow, type RowFamily } from './page/row-family.ts';
import { otherResource, snapshotLabels } from './resources/resource-labels.ts';
import { TopResources } from './resources/top-resources.ts';

/** What is counted for one snapshot. */
export class SnapshotSeries {
  readonly labels: string;
  readonly config: ConfigCounts = new ConfigCounts();

  constructor(snapshot: string) {
    this.labels = snapshotLabels(snapshot);
  }
}

export const snapshotFamilies: readonly RowFamily<SnapshotSeries>[] = [
  {
    name: 'pubsub_snapshot_config_updates_count',
    help: 'Snapshots created, changed and deleted, or refused to be.',
    type: 'counter',
    write: (row, page, name) => row.config.write(page, name, row.labels),
  },
];

/** Where snapshots stand: those that keep the most each, the others together. */
export class SnapshotGauges {
  readonly #top: TopResources<SnapshotReport>;

  constructor(max: number) {
    this.#top = new TopResources(
      max,
      ({ snapshot }) => snapshot,
      ({ messageCount }) => messageCount,
    );
  }

  families(reports: readonly SnapshotReport[]): Family[] {
    const { shown, rest } = this.#top.select(reports);
    const all = rest.length === 0 ? shown : [...shown, merge(rest)];
    const rows = all.map((report) => ({ labels: snapshotLabels(report.snapshot), report }));
    return familiesOf(gauges, () => rows);
  }
}

const gauges: readonly RowFamily<ReportRow<SnapshotReport>>[] = [
  reportGauge(
    'pubsub_snapshot_num_messages',
    'Messages that a seek to the snapshot brings back, those published since included.',
    (report) => report.messageCount,
  ),
  reportGauge(
    'pubsub_snapshot_backlog_bytes',
    'Bytes of the messages that a seek to the snapshot brings back.',
    (report) => report.backlogBytes,
  ),
  reportGauge(
    'pubsub_snapshot_oldest_message_age',
    'Seconds since the publish of the oldest message of the snapshot; 0 without any.',
    (report) => report.oldestMessageAgeSeconds,
  ),
];

function merge(reports: readonly SnapshotReport[]): SnapshotReport {
  let [messageCount, backlogBytes, oldestMessageAgeSeconds] = [0, 0, 0];
  for (const report of reports) {
    messageCount += report.messageCount;
    backlogBytes += report.backlogBytes;
    // NaN, which the disk could not tell, is no age.
    if (report.oldestMessageAgeSeconds > oldestMessageAgeSeconds) {
      oldestMessageAgeSeconds = report.oldestMessageAgeSeconds;
    }
  }
  return { snapshot: otherResource, messageCount, backlogBytes, oldestMessageAgeSeconds };
}
