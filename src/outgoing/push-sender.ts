import { OutgoingError, type OutgoingClient, type OutgoingResponse } from './outgoing-client.ts';
import { codeOf } from './connector.ts';
import { isSendableHeader } from './request-check.ts';

interface OidcToken {
  readonly serviceAccountEmail: string;
  /** Empty: the endpoint's URL. */
  readonly audience: string;
}

/** A message on its way to an endpoint; the shape of the broker's port, which this is made for. */
interface PushRequest {
  readonly config: {
    readonly endpoint: string;
    readonly oidcToken?: OidcToken;
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
  const token = oidcToken && (await tokenFor(idToken, oidcToken, url));
  return await outgoing.send({
    url,
    method: 'POST',
    headers: {
      ...sendable(headers),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body,
    timeoutMs,
    signal,
    responseBytesMax,
  });
}

/** The endpoint is not told that we could not say who we are: nothing is sent to it. */
async function tokenFor(
  idToken: PushSenderOptions['idToken'],
  { serviceAccountEmail: email, audience }: OidcToken,
  url: string,
): Promise<string> {
  try {
    return await idToken({ email, audience: audience === '' ? url : audience });
  } catch (cause) {
    throw new TokenError('The ID token for the endpoint could not be signed.', { cause });
  }
}

class TokenError extends Error {
  override name = 'TokenError';
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
  if (error instanceof TokenError) {
    return { responseClass: 'internal', code: 'token_error', text: error.message };
  }
  if (!(error instanceof OutgoingError)) {
    return { responseClass: 'internal', code: 'aborted', text: 'The push was given up.' };
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
