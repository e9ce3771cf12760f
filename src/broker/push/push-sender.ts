import type { PushClass, PushConfig } from '../service.ts';

/** One message on its way to an endpoint. */
export interface PushRequest {
  readonly config: PushConfig;
  /** Lower-case names; values free of control characters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The subscription's ack deadline. */
  readonly timeoutMs: number;
  /** Aborts when the message may not be sent any further: its connection is cut. */
  readonly signal: AbortSignal;
}

/** How it ended. Only `ack` acknowledges. */
export interface PushAnswer {
  readonly responseClass: PushClass;
  /** The HTTP status, or a word for what stood in for one: `connection_refused`, `tls_error`. */
  readonly code: string;
  /** One sentence for the log and for `sealpost doctor`; never of the endpoint's body. */
  readonly text: string;
}

/** The port through which push reaches endpoints: the guarded outgoing client, with its tokens. */
export interface PushSender {
  /** Never rejects: what goes wrong is an answer. */
  send(request: PushRequest): Promise<PushAnswer>;
}
