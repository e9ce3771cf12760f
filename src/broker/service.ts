/** google.pubsub.v1.Topic, what of it exists so far. */
export interface Topic {
  /** `projects/P/topics/T`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kmsKeyName?: string;
  readonly messageRetentionMs?: number;
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
  /** The topic's own retention, filled in by the broker. */
  readonly topicMessageRetentionMs?: number;
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
