import type { StatusCode } from '../rpc/index.ts';
import type { PushClass } from './service.ts';

/** How a message reached its subscriber; a label of Cloud Monitoring's subscription metrics. */
export type DeliveryType = 'pull' | 'streaming pull' | 'push';

/** What a publish request brought. */
export interface PublishSizes {
  /** Bytes of each message as it is sealed; empty when the request failed. */
  readonly messageBytes: readonly number[];
  readonly hasOrdering: boolean;
}

/** What the broker reports about itself; `metrics` implements it. Every call is synchronous. */
export interface BrokerObserver {
  /** A publish request was answered. */
  publish(topic: string, code: StatusCode, sizes: PublishSizes, ms: number): void;
  /** What transforms made of messages that were to be published; `eachMs` of each of them. */
  topicTransformed(topic: string, result: TransformResult, count: number, eachMs: number): void;
  /** The same of messages that were to be delivered. */
  subscriptionTransformed(
    subscription: string,
    result: TransformResult,
    count: number,
    eachMs: number,
  ): void;
  /** A topic was created, changed or deleted, or that was refused. */
  topicConfig(topic: string, operation: ConfigOperation, code: StatusCode): void;
  subscriptionConfig(subscription: string, operation: ConfigOperation, code: StatusCode): void;
  pull(subscription: string, code: StatusCode, ms: number): void;
  /** A response or the end of a streaming pull. */
  streamingPullResponse(subscription: string, code: StatusCode): void;
  /** A unary acknowledge request, or one on a stream that carried ack ids. */
  ackRequest(subscription: string, via: 'pull' | 'streaming pull', code: StatusCode): void;
  /** A unary request to modify deadlines, or one on a stream that carried some. */
  modAckRequest(subscription: string, via: 'pull' | 'streaming pull', code: StatusCode): void;
  /** A push request was answered, or failed. `code` is the HTTP status, or what stood in for one. */
  push(subscription: string, responseClass: PushClass, code: string, ms: number): void;
  sealed(messages: number, bytes: number, ms: number): void;
  opened(messages: number, bytes: number, ms: number): void;
  committed(appends: number, ms: number): void;
  delivered(subscription: string, type: DeliveryType, count: number): void;
  /**
   * `latenciesMs`: from each message's last delivery to its ack; `untimedCount` more were acked
   * whose delivery was before a restart, and are of the type of a pull.
   */
  acked(
    subscription: string,
    type: DeliveryType,
    latenciesMs: readonly number[],
    untimedCount: number,
  ): void;
  /** Messages whose deadline was moved; `nacked` are those that were given back. */
  modAcked(subscription: string, type: DeliveryType, count: number): void;
  nacked(subscription: string, type: DeliveryType, count: number): void;
  /** Messages whose deadline passed while they were outstanding. */
  expired(subscription: string, type: DeliveryType, count: number): void;
  /** Messages that the filter kept from the subscription: acknowledged without a delivery. */
  filtered(subscription: string, count: number): void;
  /** A message was published to the dead letter topic, or that failed and it stays. */
  deadLettered(subscription: string, code: StatusCode): void;
  /** Ids of a request on an exactly-once subscription that did not do what was asked. */
  exactlyOnceWarning(
    subscription: string,
    operation: 'ack' | 'modack',
    reason: 'expired' | 'invalid' | 'unordered' | 'failed',
    count: number,
  ): void;
  seek(subscription: string, code: StatusCode): void;
  snapshotConfig(snapshot: string, operation: ConfigOperation, code: StatusCode): void;
  topicDeleted(topic: string): void;
  snapshotDeleted(snapshot: string): void;
  subscriptionDeleted(subscription: string): void;
}

export type ConfigOperation = 'create' | 'update' | 'delete';

/** What became of a message in its transforms. */
export type TransformResult = 'success' | 'filtered' | 'failure';

const nothing = (): void => undefined;

export const silentObserver: BrokerObserver = {
  publish: nothing,
  topicTransformed: nothing,
  subscriptionTransformed: nothing,
  topicConfig: nothing,
  subscriptionConfig: nothing,
  pull: nothing,
  streamingPullResponse: nothing,
  ackRequest: nothing,
  modAckRequest: nothing,
  push: nothing,
  sealed: nothing,
  opened: nothing,
  committed: nothing,
  delivered: nothing,
  acked: nothing,
  modAcked: nothing,
  nacked: nothing,
  expired: nothing,
  filtered: nothing,
  deadLettered: nothing,
  exactlyOnceWarning: nothing,
  seek: nothing,
  snapshotConfig: nothing,
  snapshotDeleted: nothing,
  topicDeleted: nothing,
  subscriptionDeleted: nothing,
};

/** The label `status` of Cloud Monitoring's open_streaming_pulls. */
export type StreamState =
  | 'ok'
  | 'suspended_client_flow_controlled'
  | 'suspended_max_outstanding_bytes_exceeded'
  | 'suspended_max_outstanding_messages_exceeded';

/** Where one subscription stands, for the gauges. Ephemeral ones are reported like others. */
export interface BacklogReport {
  readonly subscription: string;
  readonly unackedCount: number;
  /** Bytes of the unacknowledged messages, sealed as they are; an estimate where it must be. */
  readonly backlogBytes: number;
  readonly oldestUnackedAgeSeconds: number;
  readonly outstandingCount: number;
  /** Those of them that an endpoint of push has. */
  readonly pushedCount: number;
  readonly openStreams: Readonly<Partial<Record<StreamState, number>>>;
  /** Acknowledged messages that it retains, for a Seek; 0 unless it is asked to. */
  readonly retainedAckedCount: number;
  readonly retainedAckedBytes: number;
  readonly oldestRetainedAckedAgeSeconds: number;
  /** Null: a pull subscription. */
  readonly pushState: 'active' | 'resource_error' | null;
  /** Why push stands still, such as `KEY_DISABLED`; absent while it does not. */
  readonly pushStalledBy?: string;
  /** Of its topic's key: whether it could be used when it was last asked. */
  readonly isKeyUsable: boolean;
}

/** Where one topic stands, for the gauges. */
export interface TopicReport {
  readonly topic: string;
  /** Messages that the topic's own retention keeps, 0 without one. */
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  readonly oldestRetainedAgeSeconds: number;
  /** The CryptoKey's name, and whether it could be used when it was last asked. */
  readonly keyName: string;
  readonly isKeyUsable: boolean;
}

/** Where one snapshot stands, for the gauges. */
export interface SnapshotReport {
  readonly snapshot: string;
  /** Messages that a seek to it would bring back, those published since included. */
  readonly messageCount: number;
  readonly backlogBytes: number;
  readonly oldestMessageAgeSeconds: number;
}
