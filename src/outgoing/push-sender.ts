import { OutgoingError, type OutgoingClient, type OutgoingResponse } from './outgoing-client.ts';
import { codeOf } from './connector.ts';
import { isSendableHeader } from './request-check.ts';

/** A message on its way to an endpoint; the shape of the broker's port, which this is made for. */
interface PushRequest {
  readonly config: {
    readonly endpoint: string;
    readonly oidcToken?: { readonly serviceAccountEmail: string; readonly audience: string };
  };
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

type PushClass =
  | 'ack'
  | 'deadline_exceeded'
  | 'internal'
  | 'invalid'
  | 'remote_server_4xx'
  | 'remote_server_5xx'
  | 'unreachable';

interface PushAnswer {
  readonly responseClass: PushClass;
  readonly code: string;
  readonly text: string;
}

export interface PushSenderOptions {
  readonly outgoing: OutgoingClient;
  readonly idToken: (request: {
    readonly email: string;
    readonly audience: string;
  }) => Promise<string>;
}

/** What acknowledges (Pub/Sub's guide to push subscriptions). */
const successes: ReadonlySet<number> = new Set([102, 200, 201, 202, 204]);
/** Of an endpoint's answer only the status counts. */
const responseBytesMax = 0;
const userAgent = 'CloudPubSub-Google';

/** Sends pushed messages by way of the guarded client, with a token where one is configured. */
export function createPushSender(options: PushSenderOptions): {
  send(request: PushRequest): Promise<PushAnswer>;
} {
  return {
    async send(request) {
      try {
        return answerOf(await sendOne(options, request));
      } catch (error) {
        return answerToFailure(error);
      }
    },
  };
}

async function sendOne(
  { outgoing, idToken }: PushSenderOptions,
  { config, headers, body, timeoutMs, signal }: PushRequest,
): Promise<OutgoingResponse> {
  const { endpoint: url, oidcToken } = config;
  const token =
    oidcToken &&
    (await idToken({
      email: oidcToken.serviceAccountEmail,
      audience: oidcToken.audience === '' ? url : oidcToken.audience,
    }));
  return await outgoing.send({
    url,
    method: 'POST',
    headers: {
      'user-agent': userAgent,
      ...sendable(headers),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body,
    timeoutMs,
    signal,
    responseBytesMax,
  });
}

/** A message whose attributes make no headers is pushed without those, or it would never end. */
function sendable(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => isSendableHeader(name, value)),
  );
}

function answerOf({ status }: OutgoingResponse): PushAnswer {
  return {
    responseClass: classOf(status),
    code: String(status),
    text: `The endpoint answered ${status}.`,
  };
}

function classOf(status: number): PushClass {
  if (successes.has(status)) return 'ack';
  if (status >= 400 && status < 500) return 'remote_server_4xx';
  return status >= 500 && status < 600 ? 'remote_server_5xx' : 'invalid';
}

function answerToFailure(error: unknown): PushAnswer {
  if (!(error instanceof OutgoingError)) {
    return { responseClass: 'internal', code: 'internal', text: 'The push was given up.' };
  }
  const text = error.message;
  switch (error.failure) {
    case 'timeout':
      return { responseClass: 'deadline_exceeded', code: 'deadline_exceeded', text };
    case 'unreachable':
      return { responseClass: 'unreachable', code: wordFor(codeOf(error.cause)), text };
    case 'tls':
      return { responseClass: 'unreachable', code: 'tls_error', text };
    case 'address refused':
      return { responseClass: 'unreachable', code: 'address_refused', text };
    case 'request refused':
      return { responseClass: 'invalid', code: 'request_refused', text };
    case 'malformed answer':
      return { responseClass: 'invalid', code: 'malformed_answer', text };
    default:
      return { responseClass: 'internal', code: 'aborted', text };
  }
}

/** A closed list, for it becomes a label of metrics. */
function wordFor(code: string): string {
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_FAIL') return 'name_not_found';
  return code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH'
    ? 'no_route'
    : 'connection_lost';
}
