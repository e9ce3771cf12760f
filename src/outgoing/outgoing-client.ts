import type { Readable } from 'node:stream';

/** A request to an address that a user named. */
export interface OutgoingRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Lower-case names. No value may hold a control character. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Bytes of the answer's body that are kept; the rest is read and dropped, or the answer refused. */
  readonly responseBytesMax: number;
}

export interface OutgoingResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** At most `responseBytesMax` of it. */
  readonly body: Uint8Array;
}

/** A request whose answer is read as it comes. */
export interface OutgoingStreamRequest {
  readonly url: string;
  readonly method: 'GET' | 'HEAD';
  /** Lower-case names. No value may hold a control character. */
  readonly headers: Readonly<Record<string, string>>;
  /** From the call to the last byte of the answer's head. */
  readonly timeoutMs: number;
  /** How long the body may stand still while it is being read. */
  readonly idleMs: number;
  /** Ends the body too: its connection is reset, and it fails with the reason. */
  readonly signal: AbortSignal;
}

export interface OutgoingStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Read no faster than its reader reads. It must be read to its end or destroyed: until then it
   * holds one of the client's requests. Fails with OutgoingError `unreachable` where it breaks.
   */
  readonly body: Readable;
}

export type OutgoingFailure =
  /** The address may not be called: link-local, metadata, our own listeners, private ones. */
  | 'address refused'
  /** The URL is none that may be asked, or a header is none that may be sent; nothing was sent. */
  | 'request refused'
  | 'unreachable'
  | 'tls'
  | 'timeout'
  | 'aborted'
  /** What came back is no HTTP answer. */
  | 'malformed answer';

export class OutgoingError extends Error {
  override name = 'OutgoingError';
  readonly failure: OutgoingFailure;

  constructor(failure: OutgoingFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/**
 * Every request that users can aim goes through one of these: push endpoints, and later JWKS, key
 * managers and registries. The address is checked when it is connected to, so that a name which
 * changes its mind between a look and a connect gains nothing. Never follows a redirect.
 */
export interface OutgoingClient {
  /** Throws OutgoingError, or what `signal` was aborted with. */
  send(request: OutgoingRequest): Promise<OutgoingResponse>;
  /** The same for an answer too large to be kept; any status is an answer. */
  open(request: OutgoingStreamRequest): Promise<OutgoingStream>;
  /** Ends every connection. */
  close(): void;
}
