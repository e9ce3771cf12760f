import type { BacklogReport, StreamState } from '../broker/index.ts';
import { labelText, type Family } from './page/exposition.ts';
import { ephemeralGroup, otherResource, subscriptionLabels } from './resources/resource-labels.ts';
import { familiesOf, reportGauge, type ReportRow, type RowFamily } from './page/row-family.ts';
import { TopResources } from './resources/top-resources.ts';

const states: readonly StreamState[] = [
  'ok',
  'suspended_client_flow_controlled',
  'suspended_max_outstanding_bytes_exceeded',
  'suspended_max_outstanding_messages_exceeded',
];

/** Where subscriptions stand: those with the most waiting each, ephemeral ones and others together. */
export class BacklogGauges {
  readonly #top: TopResources<BacklogReport>;

  constructor(max: number) {
    this.#top = new TopResources(
      max,
      ({ subscription }) => subscription,
      ({ unackedCount }) => unackedCount,
    );
  }

  families(reports: readonly BacklogReport[]): Family[] {
    const { shown, rest } = this.#top.select(withEphemeralTogether(reports));
    const all = rest.length === 0 ? shown : [...shown, merge(otherResource, rest)];
    const rows = all.map((report) => ({
      labels: subscriptionLabels(report.subscription),
      report,
    }));
    return familiesOf(backlogFamilies, () => rows);
  }
}

const backlogFamilies: readonly RowFamily<ReportRow<BacklogReport>>[] = [
  reportGauge(
    'pubsub_subscription_num_undelivered_messages',
    'Messages not yet acknowledged, outstanding ones included.',
    (report) => report.unackedCount,
  ),
  reportGauge(
    'pubsub_subscription_num_unacked_messages',
    'The older name of num_undelivered_messages.',
    (report) => report.unackedCount,
  ),
  reportGauge(
    'pubsub_subscription_backlog_bytes',
    'Bytes of the messages not yet acknowledged.',
    (report) => report.backlogBytes,
  ),
  reportGauge(
    'pubsub_subscription_oldest_unacked_message_age',
    'Seconds since the publish of the oldest message not yet acknowledged; 0 without any.',
    (report) => report.oldestUnackedAgeSeconds,
  ),
  reportGauge(
    'pubsub_subscription_num_retained_acked_messages',
    'Acknowledged messages that the subscription retains; 0 unless it is asked to.',
    (report) => report.retainedAckedCount,
  ),
  reportGauge(
    'pubsub_subscription_retained_acked_bytes',
    'Bytes of the acknowledged messages that the subscription retains.',
    (report) => report.retainedAckedBytes,
  ),
  reportGauge(
    'pubsub_subscription_oldest_retained_acked_message_age',
    'Seconds since the publish of the oldest acknowledged message retained; 0 without any.',
    (report) => report.oldestRetainedAckedAgeSeconds,
  ),
  reportGauge(
    'sealpost_subscription_outstanding_messages',
    'Messages delivered whose deadline has not passed.',
    (report) => report.outstandingCount,
  ),
  reportGauge(
    'sealpost_subscription_key_usable',
    "1 where the newest key of the subscription's topic could be used when it was last asked, else 0.",
    (report) => (report.isKeyUsable ? 1 : 0),
  ),
  {
    name: 'sealpost_subscription_push_stalled',
    help: '1 for each subscription whose push stands still, by what is wrong with the key.',
    type: 'gauge',
    write: ({ report, labels }, page, name) => {
      const { pushStalledBy: reason } = report;
      if (reason !== undefined) page.sample(name, `${labels},${labelText({ reason })}`, 1);
    },
  },
  {
    name: 'pubsub_subscription_num_outstanding_messages',
    help: 'Messages that an endpoint of push has and has not yet answered.',
    type: 'gauge',
    write: ({ report, labels }, page, name) => {
      if (report.pushState !== null) page.sample(name, labels, report.pushedCount);
    },
  },
  {
    name: 'pubsub_subscription_open_streaming_pulls',
    help: 'Streams that are open, by what holds them; ok: nothing.',
    type: 'gauge',
    write: ({ report, labels }, page, name) => {
      if (report.pushState !== null) return;
      for (const status of states) {
        const count = report.openStreams[status] ?? 0;
        if (count > 0 || status === 'ok') {
          page.sample(name, `${labels},${labelText({ status })}`, count);
        }
      }
    },
  },
  {
    name: 'pubsub_subscription_export_push_subscription_details',
    help: '1 for each subscription of push, by its state.',
    type: 'gauge',
    write: ({ report, labels }, page, name) => {
      if (report.pushState === null) return;
      const more = { subscription_state: report.pushState, subscription_type: 'push' };
      page.sample(name, `${labels},${labelText(more)}`, 1);
    },
  },
];

function withEphemeralTogether(reports: readonly BacklogReport[]): BacklogReport[] {
  const groups = new Map<string, BacklogReport[]>();
  const others: BacklogReport[] = [];
  for (const report of reports) {
    const name = ephemeralGroup(report.subscription);
    if (name === null) others.push(report);
    else addTo(groups, name, report);
  }
  for (const [name, members] of groups) others.push(merge(name, members));
  return others;
}

/** Together: sums, the age of the oldest, usable only if every key is. NaN: the disk could not tell. */
function merge(subscription: string, reports: readonly BacklogReport[]): BacklogReport {
  const openStreams: Record<StreamState, number> = {
    ok: 0,
    suspended_client_flow_controlled: 0,
    suspended_max_outstanding_bytes_exceeded: 0,
    suspended_max_outstanding_messages_exceeded: 0,
  };
  const sum = {
    unackedCount: 0,
    backlogBytes: 0,
    outstandingCount: 0,
    pushedCount: 0,
    retainedAckedCount: 0,
    retainedAckedBytes: 0,
  };
  let oldestUnackedAgeSeconds = 0;
  let oldestRetainedAckedAgeSeconds = 0;
  let isKeyUsable = true;
  for (const report of reports) {
    sum.unackedCount += report.unackedCount;
    sum.backlogBytes += report.backlogBytes;
    sum.outstandingCount += report.outstandingCount;
    sum.pushedCount += report.pushedCount;
    sum.retainedAckedCount += report.retainedAckedCount;
    sum.retainedAckedBytes += report.retainedAckedBytes;
    if (report.oldestRetainedAckedAgeSeconds > oldestRetainedAckedAgeSeconds) {
      oldestRetainedAckedAgeSeconds = report.oldestRetainedAckedAgeSeconds;
    }
    if (report.oldestUnackedAgeSeconds > oldestUnackedAgeSeconds) {
      oldestUnackedAgeSeconds = report.oldestUnackedAgeSeconds;
    }
    isKeyUsable &&= report.isKeyUsable;
    for (const state of states) openStreams[state] += report.openStreams[state] ?? 0;
  }
  return {
    subscription,
    ...sum,
    oldestUnackedAgeSeconds,
    oldestRetainedAckedAgeSeconds,
    openStreams,
    pushState: null,
    isKeyUsable,
  };
}

function addTo<Item>(groups: Map<string, Item[]>, name: string, item: Item): void {
  const group = groups.get(name);
  if (group === undefined) groups.set(name, [item]);
  else group.push(item);
}
