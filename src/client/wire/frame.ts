import type { SealpostError } from '../sealpost-error.ts';

/** One WebSocket message: bytes of the binary form, text of the readable one. */
export type OutgoingFrame = string | Uint8Array<ArrayBuffer>;

/** A message to publish. */
export interface PublishMessage {
  /** Bytes as they are, text as UTF-8. */
  readonly data?: Uint8Array | string;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Messages of one topic with the same key are delivered in the order of their publishing. */
  readonly orderingKey?: string;
}

/** A message in the form of one codec, ready to be put into a frame. It shares no memory. */
export interface EncodedMessage {
  readonly body: string | Uint8Array;
  /** On the wire. */
  readonly bytes: number;
}

export interface HelloRequest {
  /** Empty: a new session. */
  readonly sessionId: string;
  readonly token: string;
  /** Last sequence received, by stream. */
  readonly positions: ReadonlyMap<number, number>;
}

export interface SubscribeRequest {
  /** One of the two is set, the other empty. */
  readonly subscription: string;
  readonly topic: string;
  readonly ackDeadlineSeconds: number;
  readonly maxOutstandingMessages: number;
  readonly maxOutstandingBytes: number;
}

export interface SettleRequest {
  readonly stream: number;
  readonly ackIds: readonly string[];
  /** Null: acknowledge. 0: give back. */
  readonly deadlineSeconds: number | null;
}

export interface ReceivedMessage {
  readonly ackId: string;
  readonly id: string;
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string;
  readonly publishTimeMs: number;
  /** 0 where the subscription does not count. */
  readonly deliveryAttempt: number;
}

/** What became of an ack, a nack or a new deadline. */
export type SettleResult = 'done' | 'expired' | 'invalid' | 'unordered' | 'failed';

export interface Welcome {
  readonly kind: 'welcome';
  readonly id: number;
  readonly sessionId: string;
  readonly resumed: boolean;
  readonly keepAliveSeconds: number;
  readonly maxFrameBytes: number;
  readonly maxRequests: number;
}

export interface Subscribed {
  readonly kind: 'subscribed';
  readonly id: number;
  readonly subscription: string;
  readonly ephemeral: boolean;
  readonly ackDeadlineSeconds: number;
  readonly maxOutstandingMessages: number;
  readonly maxOutstandingBytes: number;
  readonly exactlyOnceDeliveryEnabled: boolean;
  readonly messageOrderingEnabled: boolean;
}

export interface Deliver {
  readonly kind: 'deliver';
  readonly id: number;
  readonly sequence: number;
  readonly messages: readonly ReceivedMessage[];
}

/** proto/sealpost/v1/websocket.proto, as the client works with it. */
export type ServerFrame =
  | Welcome
  | Subscribed
  | Deliver
  | { readonly kind: 'published'; readonly id: number; readonly messageIds: readonly string[] }
  | { readonly kind: 'unsubscribed'; readonly id: number }
  | { readonly kind: 'settled'; readonly id: number; readonly results: readonly SettleResult[] }
  | { readonly kind: 'error'; readonly id: number; readonly error: SealpostError }
  | { readonly kind: 'pong'; readonly id: number }
  /** Of a newer server: passed over. */
  | { readonly kind: 'unknown'; readonly id: number };

/** One of the two forms of the frames. */
export interface Codec {
  readonly subprotocol: string;
  hello(hello: HelloRequest): OutgoingFrame;
  /** Throws SealpostError INVALID_ARGUMENT where a field has the wrong type. */
  message(message: PublishMessage): EncodedMessage;
  publish(id: number, topic: string, messages: readonly EncodedMessage[]): OutgoingFrame;
  subscribe(id: number, request: SubscribeRequest): OutgoingFrame;
  unsubscribe(id: number, stream: number): OutgoingFrame;
  settle(id: number, request: SettleRequest): OutgoingFrame;
  ping(): OutgoingFrame;
  /** `data` as the WebSocket gave it. Throws on what is no frame. */
  decode(data: unknown): ServerFrame;
}
