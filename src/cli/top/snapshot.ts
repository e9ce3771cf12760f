import type { MetricSample } from './prometheus-text.ts';

/** Sums of one metric by resource: `projects/P/topics/T`, or empty for the whole server. */
type Sums = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** One look at the server. */
export interface Look {
  readonly atMs: number;
  readonly sums: Sums;
  /** Topics and subscriptions that were listed, by name. */
  readonly topics: ReadonlyMap<string, { readonly key: string; readonly keyState: string }>;
  readonly subscriptions: ReadonlyMap<
    string,
    { readonly topic: string; readonly isDetached: boolean }
  >;
}

export interface TopicRow {
  readonly topic: string;
  readonly key: string;
  readonly keyState: string;
  readonly publishedPerSecond: number;
}

export interface SubscriptionRow {
  readonly subscription: string;
  /** Of a detached one the topic that it was attached to. */
  readonly topic: string;
  readonly isDetached: boolean;
  readonly backlog: number;
  readonly oldestSeconds: number;
  readonly outstanding: number;
  readonly sentPerSecond: number;
  readonly ackedPerSecond: number;
}

export interface Snapshot {
  readonly totals: {
    readonly publishedPerSecond: number;
    readonly sentPerSecond: number;
    readonly ackedPerSecond: number;
    readonly backlog: number;
    readonly diskBytes: number;
    readonly residentBytes: number;
  };
  readonly topics: readonly TopicRow[];
  readonly subscriptions: readonly SubscriptionRow[];
}

export type Order = 'backlog' | 'rate' | 'name';

/** What is read of the page: stems of counters, without their suffix. */
export const metrics = {
  published: 'pubsub_topic_message_sizes_count',
  sent: 'pubsub_subscription_sent_message_count',
  acked: 'pubsub_subscription_ack_message_count',
  backlog: 'pubsub_subscription_num_undelivered_messages',
  oldest: 'pubsub_subscription_oldest_unacked_message_age',
  outstanding: 'sealpost_subscription_outstanding_messages',
  disk: 'sealpost_store_disk_bytes',
  resident: 'process_resident_memory_bytes',
} as const;

const wanted = new Set<string>(Object.values(metrics));

/** Adds up what `top` shows, whatever further labels a metric has. */
export function sumsOf(samples: readonly MetricSample[]): Sums {
  const sums = new Map<string, Map<string, number>>();
  for (const { name, labels, value } of samples) {
    // OpenMetrics writes the suffix of a counter where the older format may not.
    const stem = name.replace(/_total$/, '');
    if (!wanted.has(stem)) continue;
    const resource = resourceOf(labels);
    const ofMetric = sums.get(stem) ?? new Map<string, number>();
    ofMetric.set(resource, (ofMetric.get(resource) ?? 0) + value);
    sums.set(stem, ofMetric);
  }
  return sums;
}

function resourceOf(labels: ReadonlyMap<string, string>): string {
  const project = labels.get('project_id') ?? '';
  const topic = labels.get('topic_id');
  if (topic !== undefined) return `projects/${project}/topics/${topic}`;
  const subscription = labels.get('subscription_id');
  return subscription === undefined ? '' : `projects/${project}/subscriptions/${subscription}`;
}

/** Names of the resources that have series, of a collection; the remainder is none. */
export function namesIn(sums: Sums, collection: 'topics' | 'subscriptions'): string[] {
  const names = [...sums.values()].flatMap((ofMetric) => [...ofMetric.keys()]);
  return [...new Set(names)].filter(
    (name) =>
      name.split('/')[2] === collection &&
      !name.endsWith('/_other') &&
      !name.startsWith('projects/_other/'),
  );
}

/** What happened between two looks, in the order that was asked for. */
export function snapshotOf(before: Look, now: Look, order: Order): Snapshot {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const value = (look: Look, metric: string, name: string): number =>
    look.sums.get(metric)?.get(name) ?? 0;
  // A counter that fell belongs to a server that was started anew: it counts from zero.
  const rate = (metric: string, name: string): number => {
    const [was, is] = [value(before, metric, name), value(now, metric, name)];
    return (is < was ? is : is - was) / seconds;
  };
  const topics = [...now.topics].map(([topic, { key, keyState }]) => ({
    topic,
    key,
    keyState,
    publishedPerSecond: rate(metrics.published, topic),
  }));
  const subscriptions = [...now.subscriptions].map(([subscription, { topic, isDetached }]) => ({
    subscription,
    topic,
    isDetached,
    backlog: value(now, metrics.backlog, subscription),
    oldestSeconds: value(now, metrics.oldest, subscription),
    outstanding: value(now, metrics.outstanding, subscription),
    sentPerSecond: rate(metrics.sent, subscription),
    ackedPerSecond: rate(metrics.acked, subscription),
  }));
  return {
    totals: {
      publishedPerSecond: sum(topics.map((row) => row.publishedPerSecond)),
      sentPerSecond: sum(subscriptions.map((row) => row.sentPerSecond)),
      ackedPerSecond: sum(subscriptions.map((row) => row.ackedPerSecond)),
      backlog: sum(subscriptions.map((row) => row.backlog)),
      diskBytes: value(now, metrics.disk, ''),
      residentBytes: value(now, metrics.resident, ''),
    },
    topics: topics.toSorted(topicOrders[order]),
    subscriptions: subscriptions.toSorted(subscriptionOrders[order]),
  };
}

const byText = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
const byTopic = (one: TopicRow, other: TopicRow): number => byText(one.topic, other.topic);
const bySubscription = (one: SubscriptionRow, other: SubscriptionRow): number =>
  byText(one.subscription, other.subscription);
const byPublished = (one: TopicRow, other: TopicRow): number =>
  other.publishedPerSecond - one.publishedPerSecond || byTopic(one, other);

/** Topics have no backlog of their own: their rate is what is nearest. */
const topicOrders: Readonly<Record<Order, (one: TopicRow, other: TopicRow) => number>> = {
  backlog: byPublished,
  rate: byPublished,
  name: byTopic,
};

const subscriptionOrders: Readonly<
  Record<Order, (one: SubscriptionRow, other: SubscriptionRow) => number>
> = {
  backlog: (one, other) => other.backlog - one.backlog || bySubscription(one, other),
  rate: (one, other) => other.sentPerSecond - one.sentPerSecond || bySubscription(one, other),
  name: bySubscription,
};

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
