/**
 * The types of sealpost/client, made from src/client by `npm run client-types`: one file, so that
 * they serve without a build, and whatever a program allows itself in its imports.
 */
// What is private makes a class unlike all others, used or not.
/* oxlint-disable no-unused-private-class-members */
/**
 * `waiting`: the connection broke, and the next attempt comes after a while. `closing`: flushing
 * after `close` was called.
 */
type ClientState = 'connecting' | 'open' | 'waiting' | 'closing' | 'closed';
interface ClientStateChange {
    readonly state: ClientState;
    /** Why it waits, or why it is closed if not by its user. */
    readonly error: SealpostError | undefined;
}
interface PublishOptions {
    /** Rejects the publish with its reason. What was sent already may be published all the same. */
    readonly signal?: AbortSignal;
}
interface CloseOptions {
    /** For what is still on its way; then it fails. 10,000 unless given. */
    readonly timeoutMs?: number;
}
/** A session with a server, which survives its connections. */
interface Client {
    readonly state: ClientState;
    /** Tells of each change of `state`; returns what stops that. */
    onStateChange(listener: (change: ClientStateChange) => void): () => void;
    /** Resolves once there is a connection; rejects if the server refuses for good. */
    ready(): Promise<void>;
    /**
     * Publishes to `projects/P/topics/T`. Resolves to the message's id when it is on disk, sealed.
     * Rejects with SealpostError; a rejection that nobody looks at is silent.
     */
    publish(topic: string, message: PublishMessage, options?: PublishOptions): Promise<string>;
    /** Several at once: the ids are in their order. If one is refused, others may be published. */
    publish(topic: string, messages: readonly PublishMessage[], options?: PublishOptions): Promise<string[]>;
    /**
     * Lets messages with an ordering key go on. When one of them was not published, those after it
     * are refused with `ORDERING_KEY_STOPPED` until then, since they would overtake it.
     */
    resumePublishing(topic: string, orderingKey: string): void;
    /**
     * Receives from `projects/P/subscriptions/S`, or, from now on, what is published to
     * `projects/P/topics/T`. Throws SealpostError or RangeError on a bad argument.
     */
    subscribe(source: string, options?: SubscribeOptions): Subscription;
    /** Waits for what is on its way, gives back what is held, and closes. Never rejects. */
    close(options?: CloseOptions): Promise<void>;
}
/**
 * Connects to a Sealpost server: `http://127.0.0.1:8085`. Returns at once; what is asked before
 * there is a connection waits for it. Throws TypeError or RangeError on a bad argument.
 */
declare function connect(url: string, options?: ConnectOptions): Client;
/**
 * What the client needs of the place it runs in: time and chance. Nothing else of the client
 * touches a timer or a random number, so that a test can replay an hour in a moment.
 */
interface Environment {
    /** Milliseconds since an arbitrary start; never goes back. */
    nowMs(): number;
    /** At least 0 and below 1. */
    random(): number;
    /** Runs `task` once, not before `delayMs` have passed; what is returned cancels it. */
    schedule(delayMs: number, task: () => void): () => void;
    /** What HTTP answers to a GET, where that can be asked: no WebSocket says why it was refused. */
    get?(url: string): Promise<{
        readonly status: number;
        readonly text: string;
    }>;
}
/** When a batch of messages is sent without waiting for more. */
interface BatchingOptions {
    /** 1 to 1,000; 100 unless given. */
    readonly messagesMax?: number;
    /** 1 MiB unless given. */
    readonly bytesMax?: number;
    /**
     * How long a message may wait for company. 0 unless given: what is published in one turn of the
     * event loop goes together, and whatever comes while the server is busy.
     */
    readonly delayMs?: number;
}
/** What may be published and not yet answered; beyond it `publish` waits for room. */
interface FlowControlOptions {
    /** 10,000 unless given. */
    readonly messagesMax?: number;
    /** 64 MiB unless given. A larger message is let through alone. */
    readonly bytesMax?: number;
    /** Messages that wait for room; with so many, `publish` refuses. 10,000 unless given. */
    readonly waitingMax?: number;
}
interface ConnectOptions {
    /** A browser token, or what gets a fresh one for each connection. */
    readonly token?: string | (() => string | Promise<string>);
    /** Binary frames, or readable ones. `proto` unless given. */
    readonly protocol?: 'proto' | 'json';
    readonly batching?: BatchingOptions;
    readonly flowControl?: FlowControlOptions;
    /** How long refused publishes are tried again before they fail. 60,000 unless given. */
    readonly publishRetryMs?: number;
    /**
     * What becomes of publishes whose answer was lost together with the session: sent again, so that
     * they arrive at least once (unless given), or failed with UNKNOWN.
     */
    readonly afterSessionLoss?: 'resend' | 'fail';
    /** A silence after which the server is asked for a sign of life. 15,000 unless given. */
    readonly keepAliveMs?: number;
    /** For the connection to open and the server to welcome it. 10,000 unless given. */
    readonly connectTimeoutMs?: number;
    /** Closes the client, as `close` does. */
    readonly signal?: AbortSignal;
    /** Where there is no global one, or to use another: that of `ws`. */
    readonly WebSocket?: WebSocketConstructor;
    /** Time and chance, for tests. */
    readonly environment?: Environment;
}
/** One detail of an error, in proto3 JSON; `@type` is its type's URL. */
interface ErrorDetail {
    readonly '@type': string;
    readonly [field: string]: unknown;
}
interface SealpostErrorOptions extends ErrorOptions {
    readonly details?: readonly ErrorDetail[];
}
/** What the server refused, or what the client gave up, with the API's own code and words. */
declare class SealpostError extends Error {
    readonly name: string;
    /** google.rpc.Code: 9. */
    readonly code: number;
    /** Its name: `FAILED_PRECONDITION`. */
    readonly status: Status;
    /** A stable word for programs: `KEY_DISABLED`. */
    readonly reason: string;
    readonly details: readonly ErrorDetail[];
    constructor(status: Status, reason: string, message: string, { details, ...options }?: SealpostErrorOptions);
}
/** google.rpc.Code, by its numbers. */
declare const codes: readonly ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'];
/** The name of an error's code. */
type Status = Exclude<(typeof codes)[number], 'OK'>;
/** What a message does to its lease. */
interface Settling {
    ack(ackId: string): Promise<SettleResult>;
    nack(ackId: string): Promise<SettleResult>;
    extend(ackId: string, seconds: number): Promise<SettleResult>;
}
/**
 * A received message. Until it is acknowledged or given back it is leased to this client, which
 * extends the lease by itself.
 *
 * What `ack`, `nack` and `modifyAckDeadline` return may be ignored. It resolves to `done`; to
 * `expired` if the lease had ended, so that the message may come again; to `invalid` if the
 * subscription is gone; and rejects with SealpostError if the server refused. On an exactly-once
 * subscription also to `unordered`, while an earlier message of its ordering key is held, or to
 * `failed`, where it could not be made durable: both were tried again for half a minute by then,
 * and the message comes again.
 */
declare class Message {
    #private;
    readonly data: Uint8Array;
    readonly attributes: Readonly<Record<string, string>>;
    /** Given by the server when it was published. */
    readonly id: string;
    readonly publishTime: Date;
    /** Empty: none. */
    readonly orderingKey: string;
    /** 1 for the first delivery; 0 where the subscription does not count. */
    readonly deliveryAttempt: number;
    constructor(received: ReceivedMessage, settling: Settling);
    /** The data as UTF-8. */
    text(): string;
    /** The data as JSON. Throws SyntaxError if it is none. */
    json(): unknown;
    /** Done with it: it does not come again. Only the first `ack` or `nack` counts. */
    ack(): Promise<SettleResult>;
    /** Gives it back, for delivery at once to whoever has room. */
    nack(): Promise<SettleResult>;
    /**
     * Moves the deadline to `seconds` from now, 0 to 600. From then on the lease is extended no more
     * by itself.
     */
    modifyAckDeadline(seconds: number): Promise<SettleResult>;
}
interface SubscribeOptions {
    /** 10 to 600; the subscription's own unless given, 10 on an ephemeral one. */
    readonly ackDeadlineSeconds?: number;
    /** Messages delivered and not settled; at most 10,000, and 1,000 unless given. */
    readonly maxOutstandingMessages?: number;
    /** Their bytes; 16 MiB unless given. */
    readonly maxOutstandingBytes?: number;
    /** How long a lease is extended by itself; 0: never; 60 minutes unless given. */
    readonly extendMs?: number;
    /** Ends the iteration, as `close` does. */
    readonly signal?: AbortSignal;
}
/** `waiting`: it ended for a reason that may pass, such as a revoked key, and opens again. */
type SubscriptionState = 'opening' | 'open' | 'waiting' | 'closed';
interface SubscriptionStateChange {
    readonly state: SubscriptionState;
    /** Why it waits, or why it is closed if not by its user. */
    readonly error: SealpostError | undefined;
}
/** What comes of a subscription, for as long as anybody reads it. */
interface Subscription extends AsyncIterable<Message> {
    /** As the server calls it; of an ephemeral one, empty until it is open. */
    readonly name: string;
    readonly state: SubscriptionState;
    /** What the subscription promises, as of its opening; false until then. */
    readonly isExactlyOnce: boolean;
    readonly isOrdered: boolean;
    /** Tells of each change of `state`; returns what stops that. */
    onStateChange(listener: (change: SubscriptionStateChange) => void): () => void;
    /**
     * Ends the iteration and the stream; what was not handed out is given back. Messages that were
     * handed out can still be acknowledged. Leaving the loop does this too.
     */
    close(): Promise<void>;
}
/**
 * The part of a browser's WebSocket that the client uses. What is called with an event is of no
 * type here: each library has its own for the events.
 */
interface WebSocketLike {
    binaryType: string;
    onopen: unknown;
    onmessage: unknown;
    onclose: unknown;
    onerror: unknown;
    send(data: string | Uint8Array<ArrayBuffer>): void;
    close(code?: number, reason?: string): void;
}
type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;
/** A message to publish. */
interface PublishMessage {
    /** Bytes as they are, text as UTF-8. */
    readonly data?: Uint8Array | string;
    readonly attributes?: Readonly<Record<string, string>>;
    /** Messages of one topic with the same key are delivered in the order of their publishing. */
    readonly orderingKey?: string;
}
interface ReceivedMessage {
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
type SettleResult = 'done' | 'expired' | 'invalid' | 'unordered' | 'failed';
export {
  SealpostError,
  connect,
  type BatchingOptions,
  type Client,
  type ClientState,
  type ClientStateChange,
  type CloseOptions,
  type ConnectOptions,
  type Environment,
  type ErrorDetail,
  type FlowControlOptions,
  type Message,
  type PublishMessage,
  type PublishOptions,
  type SettleResult,
  type Status,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionState,
  type SubscriptionStateChange,
  type WebSocketConstructor,
  type WebSocketLike,
};
