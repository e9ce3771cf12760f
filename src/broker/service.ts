import type { MessageTransform } from '../transforms/index.ts';
import type { BacklogViews } from './peek/backlog-views.ts';
import type { TransformAdministration } from './transforms/transform-administration.ts';
import type { SchemaAdministration, SchemaSettings } from './schemas/schema-administration.ts';

/** google.pubsub.v1.Topic, what of it exists so far. */
export interface Topic {
  /** `projects/P/topics/T`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kmsKeyName?: string;
  readonly messageRetentionMs?: number;
  readonly messageStoragePolicy?: MessageStoragePolicy;
  readonly schemaSettings?: SchemaSettings;
  /** In the order in which they are applied; absent: none. */
  readonly messageTransforms?: readonly MessageTransform[];
}

/** google.pubsub.v1.MessageStoragePolicy. */
export interface MessageStoragePolicy {
  /** Ids of regions, at least one. */
  readonly allowedPersistenceRegions: readonly string[];
  readonly enforceInTransit: boolean;
}

/** google.pubsub.v1.DeadLetterPolicy. */
export interface DeadLetterPolicy {
  /** `projects/P/topics/T`. */
  readonly deadLetterTopic: string;
  /** 5 .. 100. */
  readonly maxDeliveryAttempts: number;
}

/** google.pubsub.v1.RetryPolicy: 0 <= minimum <= maximum <= 10 minutes. */
export interface RetryPolicy {
  readonly minimumBackoffMs: number;
  readonly maximumBackoffMs: number;
}

/** google.pubsub.v1.PushConfig, checked by the API. */
export interface PushConfig {
  /** An absolute http or https URL without user, password or fragment. */
  readonly endpoint: string;
  /** `x-goog-version` and nothing else. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly oidcToken?: {
    readonly serviceAccountEmail: string;
    /** Empty: the endpoint's URL. */
    readonly audience: string;
  };
  /** Absent: the message is wrapped in JSON. */
  readonly noWrapper?: { readonly writeMetadata: boolean };
}

/** google.pubsub.v1.Subscription, what of it exists so far. */
export interface Subscription {
  /** `projects/P/subscriptions/S`. */
  readonly name: string;
  /** The topic's full name, or `_deleted-topic_`. */
  readonly topic: string;
  readonly labels: Readonly<Record<string, string>>;
  /** 10 .. 600. */
  readonly ackDeadlineSeconds: number;
  readonly retainAckedMessages: boolean;
  /** 10 minutes .. 31 days. */
  readonly messageRetentionMs: number;
  /** Absent: never expires. */
  readonly expirationTtlMs?: number;
  /** Absent: a pull subscription. */
  readonly pushConfig?: PushConfig;
  /** Absent: messages without order. Never changes. */
  readonly enableMessageOrdering?: boolean;
  readonly enableExactlyOnceDelivery?: boolean;
  /** An expression of the filter language, checked; absent: every message. Never changes. */
  readonly filter?: string;
  readonly deadLetterPolicy?: DeadLetterPolicy;
  /** Absent: what comes back is available at once. */
  readonly retryPolicy?: RetryPolicy;
  /** In the order in which they are applied, after the filter; absent: none. */
  readonly messageTransforms?: readonly MessageTransform[];
  /** It gets nothing from its topic any more, and has nothing. */
  readonly detached?: boolean;
  /** The topic's own retention, filled in by the broker. */
  readonly topicMessageRetentionMs?: number;
  /** Filled in by the broker: RESOURCE_ERROR while push stands still (pubsub.v1 Subscription). */
  readonly state?: 'ACTIVE' | 'RESOURCE_ERROR';
}

/** google.pubsub.v1.Snapshot. */
export interface Snapshot {
  /** `projects/P/snapshots/S`. */
  readonly name: string;
  /** The topic's full name, or `_deleted-topic_`. */
  readonly topic: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the Unix epoch. */
  readonly expireTimeMs: number;
}

export interface SnapshotRequest {
  readonly name: string;
  readonly subscription: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a Seek goes to: a time in milliseconds since the Unix epoch, or a snapshot's name. */
export type SeekTarget = { readonly timeMs: number } | { readonly snapshot: string };

/** A page of a list; the token is the last key, sealed against use elsewhere. */
export interface Page<Item> {
  readonly items: Item[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface PageRequest {
  /** 0: the default of 100; at most 1,000. */
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * A message as it is sealed: PubsubMessage fields 1, 2 and 5 in protobuf wire form, checked. Views
 * into the request are fine: the broker copies them into the sealed segment before it returns.
 */
export interface SealableMessage {
  readonly bytes: Uint8Array;
  /** The ordering key's UTF-8 bytes, one to a character; empty if there is none. */
  readonly orderingKey: string;
}

/** One delivered message. `bytes` is a view that lives until the delivery callback returns. */
export interface Delivery {
  readonly ackId: string;
  readonly messageId: string;
  readonly publishTimeMs: number;
  /** 0 unless the subscription has a dead letter policy (pubsub.v1 ReceivedMessage). */
  readonly deliveryAttempt: number;
  /** PubsubMessage fields 1, 2 and 5 in protobuf wire form. */
  readonly bytes: Uint8Array;
}

export interface StreamSettings {
  /** 10 .. 600. */
  readonly ackDeadlineSeconds: number;
  /** 0 or less: no limit. */
  readonly outstandingMessagesMax: number;
  readonly outstandingBytesMax: number;
  readonly clientId: string;
}

/** The transport's end of a streaming pull. */
export interface StreamSink {
  /** Takes a batch, at most about 256 KiB; false asks the broker to wait for `resume`. */
  deliver(batch: readonly Delivery[]): boolean;
  /** The broker ended the stream: never OK (pubsub.v1 StreamingPull). Nothing is delivered after. */
  fail(error: unknown): void;
}

/** The broker's end of a streaming pull. */
export interface PullStream {
  /** As the subscription is now: they stand in every response (pubsub.v1 StreamingPullResponse). */
  readonly properties: { readonly exactlyOnce: boolean; readonly ordering: boolean };
  /** After `deliver` returned false: the transport took what it had. */
  resume(): void;
  setAckDeadline(seconds: number): void;
  /** The client went away: its messages stay leased until their deadlines. */
  close(): void;
}

export interface PullRequest {
  /** 1 .. 1,000. */
  readonly messagesMax: number;
  readonly returnImmediately: boolean;
  /** The client went away: stop waiting and lease nothing. */
  readonly signal: AbortSignal;
}

/** What became of one ack id. */
export type SettleResult =
  /** Acknowledged, now or before; given back; extended. */
  | 'done'
  /** Its lease was over: the message may come again, or came again already. */
  | 'expired'
  /** No ack id of this subscription. */
  | 'invalid'
  /** Exactly once in order: an earlier message of its ordering key is not acknowledged yet. */
  | 'unordered'
  /** Exactly once: it could not be made durable; the same id may be sent again. */
  | 'failed';

/** One thing that `sealpost doctor` tells, in a sentence for people. */
export interface Finding {
  /** An error stops the work; a warning slows it or soon will; `info` explains. */
  readonly severity: 'error' | 'warning' | 'info';
  /** A stable UPPER_SNAKE word (docs/errors.md). */
  readonly reason: string;
  readonly message: string;
}

/** Whether the key of a topic can be used now, and the key service's own words if not. */
export interface KeyHealth {
  /** The CryptoKey's name; the service's own key where the topic names none. */
  readonly name: string;
  readonly isUsable: boolean;
  readonly reason?: string;
  readonly message?: string;
}

/** An answer of an endpoint that was no success, or why none came. */
export interface PushFailure {
  readonly responseClass: PushClass;
  /** The HTTP status, or a word: `connection_refused`, `address_refused`. */
  readonly code: string;
  readonly text: string;
  /** Since the first failure after the last success. */
  readonly failingSeconds: number;
}

/** How push to one endpoint goes. */
export interface PushStatus {
  readonly endpoint: string;
  /** Requests that may be under way at once, and those that are. */
  readonly window: number;
  readonly outstandingCount: number;
  /** 0: none. */
  readonly backoffMs: number;
  /** Why it stands still; null while it pushes. */
  readonly stalledBy: { readonly reason: string; readonly message: string } | null;
  /** The last answer that was no success, if any came since the last success. */
  readonly lastFailure: PushFailure | null;
}

/** The label `response_class` of Cloud Monitoring's push_request_count. */
export type PushClass =
  | 'ack'
  | 'deadline_exceeded'
  | 'internal'
  | 'invalid'
  | 'remote_server_4xx'
  | 'remote_server_5xx'
  | 'unreachable';

export interface SubscriptionDiagnosis {
  readonly subscription: string;
  /** The topic's full name, or `_deleted-topic_`. */
  readonly topic: string;
  readonly unackedCount: number;
  readonly oldestUnackedAgeSeconds: number;
  readonly outstandingCount: number;
  /** Streaming pulls that are open, and those of them that flow control holds. */
  readonly streamCount: number;
  readonly heldStreamCount: number;
  /** Of its topic; null once it is detached. */
  readonly key: KeyHealth | null;
  readonly push: PushStatus | null;
  readonly findings: readonly Finding[];
}

export interface TopicDiagnosis {
  readonly topic: string;
  readonly subscriptionCount: number;
  readonly key: KeyHealth;
  readonly findings: readonly Finding[];
}

/**
 * What an update makes of a resource. It is asked when the update's turn has come, about the
 * resource as it then is, so that what other updates did meanwhile stays; of a topic also before,
 * so that its key is tried without holding others up. What it throws refuses the update.
 */
export type Change<Resource> = (stored: Resource) => Resource;

/** What `api` knows of the broker. All methods throw RpcError with Pub/Sub's codes and texts. */
export interface BrokerService {
  readonly schemas: SchemaAdministration;

  readonly transforms: TransformAdministration;

  readonly views: BacklogViews;

  createTopic(topic: Topic): Promise<Topic>;
  getTopic(name: string): Promise<Topic>;
  /** Takes over the named fields: snake_case, top level, of those that may change. */
  updateTopic(name: string, change: Change<Topic>, fields: readonly string[]): Promise<Topic>;
  deleteTopic(name: string): Promise<void>;
  listTopics(project: string, page: PageRequest): Promise<Page<Topic>>;
  listTopicSubscriptions(topic: string, page: PageRequest): Promise<Page<string>>;

  createSubscription(subscription: Subscription): Promise<Subscription>;
  getSubscription(name: string): Promise<Subscription>;
  updateSubscription(
    name: string,
    change: Change<Subscription>,
    fields: readonly string[],
  ): Promise<Subscription>;
  deleteSubscription(name: string): Promise<void>;
  listSubscriptions(project: string, page: PageRequest): Promise<Page<Subscription>>;
  /** Undefined: it becomes a pull subscription, and what was pushed stays leased. */
  modifyPushConfig(subscription: string, pushConfig: PushConfig | undefined): Promise<void>;
  /** Its messages are dropped, and it gets no more; pulls are refused from now on. */
  detachSubscription(name: string): Promise<void>;
  /** Acknowledges and gives back messages in bulk; ack ids from before it name nothing any more. */
  seek(subscription: string, target: SeekTarget): Promise<void>;

  createSnapshot(request: SnapshotRequest): Promise<Snapshot>;
  getSnapshot(name: string): Promise<Snapshot>;
  /** Takes over `labels` and `expire_time`, as named. */
  updateSnapshot(snapshot: Snapshot, fields: readonly string[]): Promise<Snapshot>;
  deleteSnapshot(name: string): Promise<void>;
  listSnapshots(project: string, page: PageRequest): Promise<Page<Snapshot>>;
  listTopicSnapshots(topic: string, page: PageRequest): Promise<Page<string>>;

  /**
   * A subscription that is in memory alone: not listed, not shown, gone with the process. Its name
   * is `projects/P/subscriptions/goog-ephemeral-` and 32 hex digits, which no client can choose.
   * RESOURCE_EXHAUSTED when there are as many as there may be.
   */
  createEphemeralSubscription(topic: string, ackDeadlineSeconds: number): Promise<Subscription>;
  /** Streams on it end with NOT_FOUND. Nothing happens if it is gone already. */
  deleteEphemeralSubscription(name: string): Promise<void>;
  /** Why it moves or stands still. */
  diagnoseSubscription(name: string): Promise<SubscriptionDiagnosis>;
  diagnoseTopic(name: string): Promise<TopicDiagnosis>;

  /** Ids in the order of the messages; durable when it resolves. */
  publish(topicName: string, messages: readonly SealableMessage[]): Promise<string[]>;
  /** `take` runs synchronously with the batch, before the promise resolves; may be empty. */
  pull<Reply>(
    subscription: string,
    request: PullRequest,
    take: (batch: readonly Delivery[]) => Reply,
  ): Promise<Reply>;
  openStream(subscription: string, settings: StreamSettings, sink: StreamSink): Promise<PullStream>;
  /**
   * Durable when it resolves. Exactly once: throws INVALID_ARGUMENT with an ErrorInfo that names
   * each id which failed; the others are acknowledged (docs/pubsub.md).
   */
  acknowledge(subscription: string, ackIds: readonly string[]): Promise<void>;
  /** 0 gives the messages back. Exactly once: as `acknowledge`. */
  modifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: number,
  ): Promise<void>;
  /** Settles what can be, in the order of the ids; durable when it resolves. */
  acknowledgeEach(subscription: string, ackIds: readonly string[]): Promise<SettleResult[]>;
  modifyAckDeadlineEach(
    subscription: string,
    ackIds: readonly string[],
    seconds: number,
  ): Promise<SettleResult[]>;
  /** Whether ids of this subscription are to be answered one by one; false if there is none. */
  isExactlyOnce(subscription: string): boolean;
  /** Deliveries that never reached a client: they come again at once, and did not fail. */
  giveBack(subscription: string, ackIds: readonly string[]): void;
  /** `listener` is told of each subscription whose topic's key was revoked, until cancelled. */
  onRevoked(listener: (subscription: string) => void): () => void;
  /** Acks that arrive on a stream: no answer, malformed ids are dropped, durable soon. */
  streamAcknowledge(subscription: string, ackIds: readonly string[]): void;
  streamModifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: readonly number[],
  ): void;
}
