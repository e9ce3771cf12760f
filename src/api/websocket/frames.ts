import type { Delivery, SealableMessage, SettleResult } from '../../broker/index.ts';
import type { WireError } from '../error-mapping.ts';

/** proto/sealpost/v1/websocket.proto, as the session works with it. Ids are safe integers. */
export type ClientFrame =
  | HelloFrame
  | PublishFrame
  | SubscribeFrame
  | { readonly kind: 'unsubscribe'; readonly id: number; readonly stream: number }
  | SettleFrame
  | { readonly kind: 'ping'; readonly id: number }
  /** A request that was understood as far as its id: it is answered with an error. */
  | { readonly kind: 'refused'; readonly id: number; readonly error: unknown };

export interface HelloFrame {
  readonly kind: 'hello';
  /** May be 0, and means nothing: `welcome` carries none. */
  readonly id: number;
  /** Empty: a new session. */
  readonly sessionId: string;
  /** Empty: none in the frame. */
  readonly token: string;
  /** Last sequence received, by stream. */
  readonly positions: ReadonlyMap<number, number>;
}

export interface PublishFrame {
  readonly kind: 'publish';
  readonly id: number;
  /** Not yet checked to be a topic's name. */
  readonly topic: string;
  /**
   * 1 to 1,000, each and all within their limits. May be views into the frame: the broker copies
   * them before `publish` returns.
   */
  readonly messages: readonly SealableMessage[];
}

export interface SubscribeFrame {
  readonly kind: 'subscribe';
  readonly id: number;
  /** One of the two is set, the other empty; not yet checked to be a name. */
  readonly subscription: string;
  readonly topic: string;
  /** 10 to 600; 0: the default. */
  readonly ackDeadlineSeconds: number;
  /** Not negative; 0: the default. */
  readonly outstandingMessagesMax: number;
  readonly outstandingBytesMax: number;
}

export interface SettleFrame {
  readonly kind: 'settle';
  readonly id: number;
  readonly stream: number;
  /** 1 to 3,000. */
  readonly ackIds: readonly string[];
  /** Null: acknowledge. 0 to 600: move the deadline; 0 gives back. */
  readonly deadlineSeconds: number | null;
}

export interface Welcome {
  readonly sessionId: string;
  readonly resumed: boolean;
  readonly resumeSeconds: number;
  readonly keepAliveSeconds: number;
  readonly maxFrameBytes: number;
  readonly maxRequests: number;
  readonly maxStreams: number;
}

export interface Subscribed {
  readonly subscription: string;
  readonly ephemeral: boolean;
  readonly ackDeadlineSeconds: number;
  readonly maxOutstandingMessages: number;
  readonly maxOutstandingBytes: number;
  /** Of the subscription, when the stream was opened; absent: false. */
  readonly exactlyOnceDeliveryEnabled?: true;
  readonly messageOrderingEnabled?: true;
}

/** One WebSocket message as `ws` takes it: bytes for protobuf, either for the text of JSON. */
export type OutgoingFrame = string | Uint8Array;

/** The two forms of the frames, as text and as bytes. */
export interface FrameCodec {
  /** `sealpost.v1.json` or `sealpost.v1.proto`. */
  readonly subprotocol: string;
  /** Text frames if false. */
  readonly isBinary: boolean;
  /**
   * Reads one message, and checks all that can be checked without knowing the session. What is
   * wrong inside a request with an id gives a `refused` frame; throws RpcError INVALID_ARGUMENT,
   * which ends the session, where nobody could be told: no id, a bad hello, no frame at all.
   */
  decode(message: Buffer): ClientFrame;
  welcome(welcome: Welcome): OutgoingFrame;
  published(id: number, messageIds: readonly string[]): OutgoingFrame;
  subscribed(id: number, subscribed: Subscribed): OutgoingFrame;
  unsubscribed(id: number): OutgoingFrame;
  /** Copies what it needs of the batch, whose bytes live only for the call. */
  deliver(id: number, sequence: number, batch: readonly Delivery[]): OutgoingFrame;
  settled(id: number, results: readonly SettleResult[]): OutgoingFrame;
  error(id: number, error: WireError): OutgoingFrame;
  pong(id: number): OutgoingFrame;
}
