import { Counter, Histogram, type Registry } from 'prom-client';
import type {
  BrokerObserver,
  ConfigOperation,
  DeliveryType,
  PublishSizes,
  PushClass,
  TransformResult,
} from '../broker/index.ts';
import type { StatusCode } from '../rpc/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { Family } from './page/exposition.ts';
import { ResourceTable } from './resources/resource-table.ts';
import { provesExistence } from './response-labels.ts';
import { familiesOf } from './page/row-family.ts';
import { subscriptionFamilies } from './subscription-families.ts';
import { snapshotFamilies, SnapshotSeries } from './snapshot-families.ts';
import { SubscriptionSeries } from './subscription-series.ts';
import { topicFamilies, TopicSeries } from './topic-series.ts';

/** From a cached page to a disk that stalls. */
const requestSeconds = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10];
const cipherSeconds = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1];

type UnaryOrStream = 'pull' | 'streaming pull';

/** What the broker reports, as metrics. Cheap enough for every request and every commit. */
export class BrokerMetrics implements BrokerObserver {
  readonly #clock: Clock;
  readonly #topics: ResourceTable<TopicSeries>;
  readonly #subscriptions: ResourceTable<SubscriptionSeries>;
  readonly #snapshots: ResourceTable<SnapshotSeries>;
  readonly #pullSeconds: Histogram;
  readonly #commit: Work;
  readonly #seal: CipherWork;
  readonly #open: CipherWork;

  constructor(registry: Registry, clock: Clock, resourcesMax: number) {
    this.#clock = clock;
    this.#topics = new ResourceTable((name) => new TopicSeries(name), resourcesMax);
    this.#subscriptions = new ResourceTable((name) => new SubscriptionSeries(name), resourcesMax);
    this.#snapshots = new ResourceTable((name) => new SnapshotSeries(name), resourcesMax);
    const seconds = (name: string, help: string, buckets: number[]): Histogram =>
      new Histogram({ name, help, buckets, registers: [registry] });
    this.#pullSeconds = seconds(
      'sealpost_pull_seconds',
      'From a unary pull to its answer, the wait for a message included.',
      requestSeconds,
    );
    this.#commit = {
      count: total(registry, 'sealpost_committed_appends_total', 'Segments made durable.'),
      seconds: seconds('sealpost_commit_seconds', 'One durable group commit.', requestSeconds),
    };
    this.#seal = {
      count: total(registry, 'sealpost_sealed_messages_total', 'Messages sealed.'),
      bytes: total(registry, 'sealpost_sealed_bytes_total', 'Plaintext bytes sealed.'),
      seconds: seconds('sealpost_seal_seconds', 'Sealing one segment.', cipherSeconds),
    };
    this.#open = {
      count: total(registry, 'sealpost_opened_messages_total', 'Messages opened.'),
      bytes: total(registry, 'sealpost_opened_bytes_total', 'Plaintext bytes opened.'),
      seconds: seconds('sealpost_open_seconds', 'Opening one segment.', cipherSeconds),
    };
  }

  /** The counters and histograms of topics, subscriptions and snapshots. */
  families(): Family[] {
    const ofSubscriptions = subscriptionFamilies(() => this.#clock.monotonicMs());
    return [
      ...familiesOf(topicFamilies, () => this.#topics.rows()),
      ...familiesOf(ofSubscriptions, () => this.#subscriptions.rows()),
      ...familiesOf(snapshotFamilies, () => this.#snapshots.rows()),
    ];
  }

  publish(topic: string, code: StatusCode, sizes: PublishSizes, ms: number): void {
    this.#topics.row(topic, provesExistence(code)).publish(code, sizes, ms);
  }

  /** By the time that code has ended, the topic or subscription may have. */
  topicTransformed(topic: string, result: TransformResult, count: number, eachMs: number): void {
    this.#topics.row(topic, false).transforms().observe(result, count, eachMs);
  }

  subscriptionTransformed(...args: Parameters<BrokerObserver['subscriptionTransformed']>): void {
    const [subscription, result, count, eachMs] = args;
    this.#subscriptions.row(subscription, false).transforms().observe(result, count, eachMs);
  }

  topicConfig(topic: string, operation: ConfigOperation, code: StatusCode): void {
    rowOfConfig(this.#topics, topic, operation, code).config.add(operation, code);
  }

  subscriptionConfig(subscription: string, operation: ConfigOperation, code: StatusCode): void {
    rowOfConfig(this.#subscriptions, subscription, operation, code).config.add(operation, code);
  }

  pull(subscription: string, code: StatusCode, ms: number): void {
    this.#rowOf(subscription, code).pulls.add(code);
    this.#pullSeconds.observe(ms / 1000);
  }

  streamingPullResponse(subscription: string, code: StatusCode): void {
    this.#rowOf(subscription, code).streamResponses.add(code);
  }

  ackRequest(subscription: string, via: UnaryOrStream, code: StatusCode): void {
    this.#rowOf(subscription, code).ackRequests[via].add(code);
  }

  modAckRequest(subscription: string, via: UnaryOrStream, code: StatusCode): void {
    this.#rowOf(subscription, code).modAckRequests[via].add(code);
  }

  /** The delivery before it proved that the subscription exists; by now it may not. */
  push(subscription: string, responseClass: PushClass, code: string, ms: number): void {
    this.#subscriptions.row(subscription, false).push(responseClass, code, ms);
  }

  sealed(messages: number, bytes: number, ms: number): void {
    record(this.#seal, messages, bytes, ms);
  }

  opened(messages: number, bytes: number, ms: number): void {
    record(this.#open, messages, bytes, ms);
  }

  committed(appends: number, ms: number): void {
    this.#commit.count.inc(appends);
    this.#commit.seconds.observe(ms / 1000);
  }

  delivered(subscription: string, type: DeliveryType, count: number): void {
    this.#subscriptions.row(subscription, true).sent.add(type, count);
  }

  acked(subscription: string, type: DeliveryType, latenciesMs: readonly number[]): void {
    if (latenciesMs.length === 0) return;
    const row = this.#subscriptions.row(subscription, true);
    row.ack(type, latenciesMs, this.#clock.monotonicMs());
  }

  modAcked(subscription: string, type: DeliveryType, count: number): void {
    this.#subscriptions.row(subscription, true).modAcked.add(type, count);
  }

  nacked(subscription: string, type: DeliveryType, count: number): void {
    if (count === 0) return;
    this.#subscriptions.row(subscription, true).nack(type, count, this.#clock.monotonicMs());
  }

  expired(subscription: string, type: DeliveryType, count: number): void {
    if (count === 0) return;
    this.#subscriptions.row(subscription, true).expire(type, count, this.#clock.monotonicMs());
  }

  filtered(subscription: string, count: number): void {
    this.#subscriptions.row(subscription, true).policies().filteredCount += count;
  }

  deadLettered(subscription: string, code: StatusCode): void {
    this.#subscriptions.row(subscription, true).policies().deadLettered(code);
  }

  exactlyOnceWarning(...args: Parameters<BrokerObserver['exactlyOnceWarning']>): void {
    const [subscription, operation, reason, count] = args;
    this.#subscriptions.row(subscription, true).policies().warn(operation, reason, count);
  }

  seek(subscription: string, code: StatusCode): void {
    this.#rowOf(subscription, code).sought(code, this.#clock.monotonicMs());
  }

  snapshotConfig(snapshot: string, operation: ConfigOperation, code: StatusCode): void {
    rowOfConfig(this.#snapshots, snapshot, operation, code).config.add(operation, code);
  }

  snapshotDeleted(snapshot: string): void {
    this.#snapshots.forget(snapshot);
  }

  topicDeleted(topic: string): void {
    this.#topics.forget(topic);
  }

  subscriptionDeleted(subscription: string): void {
    this.#subscriptions.forget(subscription);
  }

  #rowOf(subscription: string, code: StatusCode): SubscriptionSeries {
    return this.#subscriptions.row(subscription, provesExistence(code));
  }
}

/** A deletion ends the resource's series with it, so it is counted where it can be seen. */
function rowOfConfig<Row>(
  table: ResourceTable<Row>,
  resource: string,
  operation: ConfigOperation,
  code: StatusCode,
): Row {
  if (code !== 'OK') return table.row(resource, false);
  if (operation === 'delete') return table.rest;
  if (operation === 'create') table.created(resource);
  return table.row(resource, true);
}

interface Work {
  readonly count: Counter;
  readonly seconds: Histogram;
}

interface CipherWork extends Work {
  readonly bytes: Counter;
}

function total(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}

function record(work: CipherWork, messages: number, bytes: number, ms: number): void {
  work.count.inc(messages);
  work.bytes.inc(bytes);
  work.seconds.observe(ms / 1000);
}
