import { codeOf } from './connector.ts';
import { OutgoingError, type OutgoingClient, type OutgoingFailure } from './outgoing-client.ts';

/** A call of an external key manager; the shape of the key service's port. */
interface EkmRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly responseBytesMax: number;
}

type EkmFailure =
  | 'name not found'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'address refused'
  | 'malformed answer'
  | 'cancelled';

type EkmAnswer =
  | { readonly status: number; readonly body: Uint8Array }
  | { readonly failure: EkmFailure; readonly text: string };

const failures: Readonly<Record<OutgoingFailure, EkmFailure>> = {
  'address refused': 'address refused',
  'request refused': 'address refused',
  unreachable: 'unreachable',
  tls: 'tls',
  timeout: 'timeout',
  aborted: 'cancelled',
  'malformed answer': 'malformed answer',
};

/** Calls external key managers by way of the guarded client, until that is closed. */
export function createEkmTransport(outgoing: OutgoingClient): {
  post(request: EkmRequest): Promise<EkmAnswer>;
} {
  // The client's own end aborts what is under way.
  const { signal } = new AbortController();
  return {
    async post(request) {
      try {
        const { status, body } = await outgoing.send({ ...request, method: 'POST', signal });
        return { status, body };
      } catch (error) {
        if (!(error instanceof OutgoingError)) throw error;
        return { failure: failureOf(error), text: error.message };
      }
    },
  };
}

/** A resolver that does not answer says nothing about the name. */
function failureOf(error: OutgoingError): EkmFailure {
  return codeOf(error.cause) === 'ENOTFOUND' ? 'name not found' : failures[error.failure];
}
