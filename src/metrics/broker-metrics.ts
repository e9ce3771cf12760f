import { Counter, Histogram, type Registry } from 'prom-client';
import {
  silentObserver,
  type BrokerObserver,
  type DeliveryType,
  type PublishSizes,
} from '../broker/index.ts';
import type { StatusCode } from '../rpc/index.ts';
import { RequestCounter, ResourceCounter } from './resource-counter.ts';
import {
  labelsOfSubscription,
  labelsOfTopic,
  subscriptionLabels,
  topicLabels,
  type SubscriptionLabel,
  type TopicLabel,
} from './resource-labels.ts';

/** From a cached page to a disk that stalls. */
const requestSeconds = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10];
const cipherSeconds = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1];

/** What the broker reports, as metrics. Cheap enough for every request and every commit. */
export class BrokerMetrics implements BrokerObserver {
  readonly topicConfig: BrokerObserver['topicConfig'] = silentObserver.topicConfig;
  readonly subscriptionConfig: BrokerObserver['subscriptionConfig'] =
    silentObserver.subscriptionConfig;
  readonly ackRequest: BrokerObserver['ackRequest'] = silentObserver.ackRequest;
  readonly modAckRequest: BrokerObserver['modAckRequest'] = silentObserver.modAckRequest;
  readonly push: BrokerObserver['push'] = silentObserver.push;
  readonly modAcked: BrokerObserver['modAcked'] = silentObserver.modAcked;
  readonly nacked: BrokerObserver['nacked'] = silentObserver.nacked;
  readonly expired: BrokerObserver['expired'] = silentObserver.expired;
  readonly #sendRequests: RequestCounter<TopicLabel>;
  readonly #published: ResourceCounter<TopicLabel>;
  readonly #pullRequests: RequestCounter<SubscriptionLabel>;
  readonly #streamResponses: RequestCounter<SubscriptionLabel>;
  readonly #sent: ResourceCounter<SubscriptionLabel>;
  readonly #acked: ResourceCounter<SubscriptionLabel>;
  readonly #publishSeconds: Histogram;
  readonly #pullSeconds: Histogram;
  readonly #commit: Work;
  readonly #seal: CipherWork;
  readonly #open: CipherWork;

  constructor(registry: Registry) {
    const topic = { labelNames: topicLabels, labelsOf: labelsOfTopic };
    const subscription = { labelNames: subscriptionLabels, labelsOf: labelsOfSubscription };
    this.#sendRequests = new RequestCounter(registry, {
      ...topic,
      name: 'pubsub_topic_send_request_count',
      help: 'Publish requests, by response.',
    });
    this.#published = new ResourceCounter(registry, {
      ...topic,
      name: 'sealpost_topic_published_messages_total',
      help: 'Messages that were published and are durable.',
    });
    this.#pullRequests = new RequestCounter(registry, {
      ...subscription,
      name: 'pubsub_subscription_pull_request_count',
      help: 'Unary pull requests, by response.',
    });
    this.#streamResponses = new RequestCounter(registry, {
      ...subscription,
      name: 'pubsub_subscription_streaming_pull_response_count',
      help: 'Responses and ends of streaming pulls, by response.',
    });
    this.#sent = new ResourceCounter(registry, {
      ...subscription,
      name: 'pubsub_subscription_sent_message_count',
      help: 'Messages sent to subscribers, redeliveries included.',
    });
    this.#acked = new ResourceCounter(registry, {
      ...subscription,
      name: 'pubsub_subscription_ack_message_count',
      help: 'Messages acknowledged.',
    });
    const seconds = (name: string, help: string, buckets: number[]): Histogram =>
      new Histogram({ name, help, buckets, registers: [registry] });
    this.#publishSeconds = seconds(
      'sealpost_publish_seconds',
      'From a publish request to its answer, refused ones included.',
      requestSeconds,
    );
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

  publish(topic: string, code: StatusCode, { messageBytes }: PublishSizes, ms: number): void {
    this.#sendRequests.count(topic, code);
    if (messageBytes.length > 0) this.#published.add(topic, messageBytes.length);
    this.#publishSeconds.observe(ms / 1000);
  }

  pull(subscription: string, code: StatusCode, ms: number): void {
    this.#pullRequests.count(subscription, code);
    this.#pullSeconds.observe(ms / 1000);
  }

  streamingPullResponse(subscription: string, code: StatusCode): void {
    this.#streamResponses.count(subscription, code);
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

  delivered(subscription: string, _type: DeliveryType, count: number): void {
    this.#sent.add(subscription, count);
  }

  acked(subscription: string, _type: DeliveryType, latenciesMs: readonly number[]): void {
    this.#acked.add(subscription, latenciesMs.length);
  }

  topicDeleted(topic: string): void {
    this.#sendRequests.forget(topic);
    this.#published.forget(topic);
  }

  subscriptionDeleted(subscription: string): void {
    for (const counter of [this.#pullRequests, this.#streamResponses, this.#sent, this.#acked]) {
      counter.forget(subscription);
    }
  }
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
