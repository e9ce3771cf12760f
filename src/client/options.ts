import { globalEnvironment, globalWebSocket, type Environment } from './environment.ts';
import type { WebSocketConstructor } from './web-socket.ts';
import type { Codec } from './wire/frame.ts';
import { jsonCodec } from './wire/json-codec.ts';
import { protoCodec } from './wire/proto-codec.ts';

/** When a batch of messages is sent without waiting for more. */
export interface BatchingOptions {
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
export interface FlowControlOptions {
  /** 10,000 unless given. */
  readonly messagesMax?: number;
  /** 64 MiB unless given. A larger message is let through alone. */
  readonly bytesMax?: number;
  /** Messages that wait for room; with so many, `publish` refuses. 10,000 unless given. */
  readonly waitingMax?: number;
}

export interface ConnectOptions {
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

/** All of it, checked. */
export interface Settings {
  readonly token: () => Promise<string>;
  /** A refused token is no reason to give up: the next may be good. */
  readonly hasFreshTokens: boolean;
  readonly codec: Codec;
  readonly batching: Required<BatchingOptions>;
  readonly flowControl: Required<FlowControlOptions>;
  readonly publishRetryMs: number;
  readonly afterSessionLoss: 'resend' | 'fail';
  readonly keepAliveMs: number;
  readonly connectTimeoutMs: number;
  readonly WebSocket: WebSocketConstructor;
  readonly environment: Environment;
}

/** Throws RangeError or TypeError on what no server would take. */
export function settingsOf(options: ConnectOptions): Settings {
  const { token = '', protocol = 'proto' } = options;
  const WebSocket = options.WebSocket ?? globalWebSocket();
  if (WebSocket === undefined) {
    throw new TypeError('There is no global WebSocket here: give one as the option WebSocket.');
  }
  return {
    token: async () => (typeof token === 'function' ? await token() : token),
    hasFreshTokens: typeof token === 'function',
    codec: codecOf(protocol),
    batching: batchingOf(options.batching ?? {}),
    flowControl: flowControlOf(options.flowControl ?? {}),
    publishRetryMs: whole('publishRetryMs', options.publishRetryMs ?? 60_000, 0),
    afterSessionLoss: options.afterSessionLoss ?? 'resend',
    keepAliveMs: whole('keepAliveMs', options.keepAliveMs ?? 15_000, 100),
    connectTimeoutMs: whole('connectTimeoutMs', options.connectTimeoutMs ?? 10_000, 100),
    WebSocket,
    environment: options.environment ?? globalEnvironment,
  };
}

function batchingOf(given: BatchingOptions): Required<BatchingOptions> {
  return {
    messagesMax: whole('batching.messagesMax', given.messagesMax ?? 100, 1, 1_000),
    bytesMax: whole('batching.bytesMax', given.bytesMax ?? 2 ** 20, 1),
    delayMs: whole('batching.delayMs', given.delayMs ?? 0, 0),
  };
}

function flowControlOf(given: FlowControlOptions): Required<FlowControlOptions> {
  return {
    messagesMax: whole('flowControl.messagesMax', given.messagesMax ?? 10_000, 1),
    bytesMax: whole('flowControl.bytesMax', given.bytesMax ?? 64 * 2 ** 20, 1),
    waitingMax: whole('flowControl.waitingMax', given.waitingMax ?? 10_000, 0),
  };
}

function codecOf(protocol: string): Codec {
  if (protocol === 'proto') return protoCodec;
  if (protocol === 'json') return jsonCodec;
  throw new RangeError(
    `The option protocol is ${JSON.stringify(protocol)}, not "proto" or "json".`,
  );
}

/** Checks a whole number, for timers at most what 31 bits hold. */
export function whole(name: string, value: number, min: number, max: number = 2 ** 31 - 1): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`The option ${name} is ${value}, not a whole number from ${min} to ${max}.`);
}
