import { rpcBindings, type Rpc } from './rpc-bindings.ts';

/** What a case sends and gets: the messages of pubsub.v1 in protobuf's JSON form. */
export type Json = Readonly<Record<string, unknown>>;

/** One of the ways to call a method. A refusal is a CallRefusal, whichever way it went. */
export interface Wire {
  readonly name: WireName;
  call<Reply = Json>(rpc: Rpc, request: Json): Promise<Reply>;
  close(): void;
}

export type WireName = 'gRPC' | 'REST' | 'WebSocket';
export const wireNames: readonly WireName[] = ['gRPC', 'REST'];
/** A WebSocket publishes too. */
export const publishWireNames: readonly WireName[] = [...wireNames, 'WebSocket'];

/** An answer of the server that is not OK. */
export class CallRefusal extends Error {
  override name = 'CallRefusal';
  readonly code: string;
  readonly details: readonly Json[];

  constructor(code: string, message: string, details: readonly Json[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** What the server said instead of an answer; throws if it answered. */
export async function refusalOf(
  call: Promise<unknown>,
): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CallRefusal) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the call was not refused');
}

/** google.rpc.Code to HTTP, as Pub/Sub's error page lists them. */
const httpNumbers: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
};

/** REST by fetch; the paths are typed in from the documentation, not taken from the server. */
export class RestWire implements Wire {
  readonly name = 'REST';
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  async call<Reply = Json>(rpc: Rpc, request: Json): Promise<Reply> {
    const { method, path, body } = rpcBindings[rpc](request);
    return await this.send<Reply>(method, path, body);
  }

  /** Any path below /v1/. */
  async send<Reply = Json>(method: string, path: string, body?: unknown): Promise<Reply> {
    const reply = await fetch(`${this.#url()}/v1/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    });
    const text = await reply.text();
    if (reply.status === 200) return JSON.parse(text) as Reply;
    throw restRefusal(reply.status, text);
  }

  close(): void {
    // fetch keeps its connections by itself.
  }
}

function restRefusal(status: number, text: string): Error {
  const { error } = JSON.parse(text) as {
    error: { code: number; message: string; status: string; details?: Json[] };
  };
  const isSound = error.code === status && httpNumbers[error.status] === status;
  if (!isSound) return new Error(`HTTP ${status} with the body ${text}`);
  return new CallRefusal(error.status, error.message, error.details);
}
