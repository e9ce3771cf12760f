/** google.pubsub.v1.Topic, what of it exists so far. */
export interface Topic {
  /** `projects/P/topics/T`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kmsKeyName?: string;
  readonly messageRetentionMs?: number;
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
  /** The topic's own retention, filled in by the broker. */
  readonly topicMessageRetentionMs?: number;
  /** Filled in by the broker: RESOURCE_ERROR while push stands still (pubsub.v1 Subscription). */
  readonly state?: 'ACTIVE' | 'RESOURCE_ERROR';
}

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
  | 'invalid';

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
  readonly key: KeyHealth;
  readonly push: PushStatus | null;
  readonly findings: readonly Finding[];
}

export interface TopicDiagnosis {
  readonly topic: string;
  readonly subscriptionCount: number;
  readonly key: KeyHealth;
  readonly findings: readonly Finding[];
}

/** What `api` knows of the broker. All methods throw RpcError with Pub/Sub's codes and texts. */
export interface BrokerService {
  createTopic(topic: Topic): Promise<Topic>;
  getTopic(name: string): Promise<Topic>;
  /** Takes over the named fields: snake_case, top level, of those that may change. */
  updateTopic(topic: Topic, fields: readonly string[]): Promise<Topic>;
  deleteTopic(name: string): Promise<void>;
  listTopics(project: string, page: PageRequest): Promise<Page<Topic>>;
  listTopicSubscriptions(topic: string, page: PageRequest): Promise<Page<string>>;

  createSubscription(subscription: Subscription): Promise<Subscription>;
  getSubscription(name: string): Promise<Subscription>;
  updateSubscription(subscription: Subscription, fields: readonly string[]): Promise<Subscription>;
  deleteSubscription(name: string): Promise<void>;
  listSubscriptions(project: string, page: PageRequest): Promise<Page<Subscription>>;
  /** Undefined: it becomes a pull subscription, and what was pushed stays leased. */
  modifyPushConfig(subscription: string, pushConfig: PushConfig | undefined): Promise<void>;
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
  /** Durable when it resolves. */
  acknowledge(subscription: string, ackIds: readonly string[]): Promise<void>;
  /** 0 gives the messages back. */
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
