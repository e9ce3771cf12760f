/** What the load process is asked to do; sent to it as plain JSON. */
export type Job =
  | PublishJob
  | DrainJob
  | HttpJob
  | NatsPublishJob
  | NatsDrainJob
  | RedisPublishJob
  | RedisDrainJob
  | DurablePutJob
  | WebSocketPublishJob
  | WebSocketDrainJob
  | WebSocketFanoutJob
  | PushJob;

interface Timing {
  readonly inFlight: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  readonly requestsMax?: number;
}

/** Publish over gRPC. The echo answers the same path, and is not asked for message ids. */
export interface PublishJob extends Timing {
  readonly kind: 'publish';
  readonly address: string;
  readonly topics: readonly string[];
  readonly messagesPerRequest: number;
  readonly messageBytes: number;
  readonly connections: number;
  readonly isEcho: boolean;
  /** Requests have one of sixteen ordering keys. */
  readonly hasOrderingKeys?: boolean;
  /** As the drain's. */
  readonly hasAttribute?: boolean;
}

/** Messages that wait in a subscription before the clock starts. */
interface Waiting {
  readonly address: string;
  readonly topic: string;
  readonly subscription: string;
  readonly messageCount: number;
  readonly messageBytes: number;
  readonly secondsMax: number;
}

/** Fill a subscription, then empty it through one StreamingPull. */
export interface DrainJob extends Waiting {
  readonly kind: 'drain';
  readonly acks: 'stream' | 'unary';
  /** The messages are there already. */
  readonly isFilled?: boolean;
  /** So many ordering keys in turns; none by default. */
  readonly orderingKeyCount?: number;
  /** Messages have the attribute `kind` = `wanted`. */
  readonly hasAttribute?: boolean;
}

/** Publish over WebSocket, or send the same frames to an echo. */
export interface WebSocketPublishJob extends Timing {
  /** Each message has an ordering key of its own, from this number on; `proto` only. */
  readonly firstKey?: number;
  readonly kind: 'websocket-publish' | 'websocket-echo';
  readonly wire: 'json' | 'proto';
  readonly address: string;
  readonly topics: readonly string[];
  readonly messagesPerRequest: number;
  readonly messageBytes: number;
  readonly connections: number;
}

/** Fill a subscription, then empty it through one WebSocket stream. */
export interface WebSocketDrainJob extends Waiting {
  readonly kind: 'websocket-drain';
  readonly wire: 'json' | 'proto';
}

/** Many sessions subscribed to one topic. */
export interface WebSocketFanoutJob {
  readonly kind: 'websocket-fanout';
  readonly wire: 'json' | 'proto';
  readonly address: string;
  readonly topic: string;
  readonly connections: number;
  /** Publishing, before the server's memory is looked at. */
  readonly warmupSeconds: number;
  /** Published once, delivered to each connection. */
  readonly messageCount: number;
  readonly messageBytes: number;
}

/** Fill a subscription, then have it pushed to an endpoint of the load process. */
export interface PushJob extends Waiting {
  readonly kind: 'push';
}

/** Publish over REST, by autocannon. */
export interface HttpJob extends Timing {
  readonly kind: 'http';
  readonly url: string;
  readonly messagesPerRequest: number;
  readonly messageBytes: number;
}

export interface NatsPublishJob extends Timing {
  readonly kind: 'nats-publish';
  readonly port: number;
  readonly messageBytes: number;
}

export interface NatsDrainJob {
  readonly kind: 'nats-drain';
  readonly port: number;
  readonly messageCount: number;
  readonly messageBytes: number;
}

export interface RedisPublishJob extends Timing {
  readonly kind: 'redis-publish';
  readonly port: number;
  readonly messageBytes: number;
}

export interface RedisDrainJob {
  readonly kind: 'redis-drain';
  readonly port: number;
  readonly messageCount: number;
  readonly messageBytes: number;
}

/** One append of one message's size after the other, each durable, straight to the store. */
export interface DurablePutJob extends Timing {
  readonly kind: 'durable-put';
  readonly directory: string;
  readonly bytes: number;
}

/** What came of a job. `perSecond` counts messages, not requests. */
export interface JobResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly messageCount: number;
  readonly failedCount: number;
  readonly failure?: string;
  /** What each connection of a fan-out adds to the server's resident memory. */
  readonly bytesPerConnection?: number;
}
