/** One call of an external key manager, which is always a POST of JSON. */
export interface EkmRequest {
  /** The key's URI with `:wrap` or `:unwrap`. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Belongs to the caller, which overwrites it after the call. */
  readonly body: Uint8Array;
  /** From the call to the answer's last byte. */
  readonly timeoutMs: number;
  /** Of the answer's body; one that is longer arrives cut off. */
  readonly responseBytesMax: number;
}

/** Why there is no answer. */
export type EkmTransportFailure =
  /** The host's name has no address. */
  | 'name not found'
  | 'unreachable'
  | 'timeout'
  /** No TLS that names the host: certificate, name or protocol. */
  | 'tls'
  /** The address may not be called from here. */
  | 'address refused'
  /** What came back is no whole HTTP answer. */
  | 'malformed answer'
  /** The server is stopping. */
  | 'cancelled';

export type EkmAnswer =
  | {
      readonly status: number;
      /** The caller owns these bytes and overwrites them as soon as it can. */
      readonly body: Uint8Array;
    }
  | { readonly failure: EkmTransportFailure; readonly text: string };

/**
 * How calls reach external key managers: one guarded client that checks the address when it is
 * connected to, demands a certificate for the host, and follows no redirect. Never rejects for what
 * the network or the other side does.
 */
export interface EkmTransport {
  post(request: EkmRequest): Promise<EkmAnswer>;
}
