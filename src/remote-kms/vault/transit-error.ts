import { OutgoingError } from '../../outgoing/index.ts';
import { RpcError, type ErrorDetail } from '../../rpc/index.ts';

/** Where an answer came from: the request's path, and the CryptoKey that it was about. */
export interface TransitPlace {
  /** `encrypt/NAME`; told to people who must grant it. */
  readonly path: string;
  readonly cryptoKey: string;
}

interface Row {
  readonly text: RegExp;
  readonly code: 'NOT_FOUND' | 'INVALID_ARGUMENT' | 'FAILED_PRECONDITION';
  readonly reason: string;
}

/** The texts of status 400, as OpenBao 2 and Vault 1 write them. */
const badRequests: readonly Row[] = [
  { text: /key not found/, code: 'NOT_FOUND', reason: 'KMS_RESOURCE_NOT_FOUND' },
  { text: /version is disallowed by policy/, code: 'FAILED_PRECONDITION', reason: 'KEY_DISABLED' },
  { text: /soft-deleted/, code: 'FAILED_PRECONDITION', reason: 'KEY_DISABLED' },
  {
    text: /message authentication|invalid ciphertext/,
    code: 'INVALID_ARGUMENT',
    reason: 'CIPHERTEXT_INVALID',
  },
];

/** An answer that is no success, with Cloud KMS's codes: what is said of the key, and what is not. */
export function transitError(
  status: number,
  texts: readonly string[],
  place: TransitPlace,
): RpcError {
  const said = texts.length === 0 ? `HTTP ${status}` : texts.join('; ').slice(0, 500);
  const message = `The transit engine answered ${place.path} for ${place.cryptoKey}: ${said}`;
  switch (status) {
    case 400:
      return badRequest(said, message, place.cryptoKey);
    case 401:
    case 403:
      return new RpcError('PERMISSION_DENIED', 'KEY_USE_DENIED', message);
    case 404:
    case 405:
      return new RpcError('NOT_FOUND', 'KMS_RESOURCE_NOT_FOUND', message);
    case 429:
      return new RpcError('RESOURCE_EXHAUSTED', 'TRANSIT_RATE_LIMITED', message);
    default:
      return new RpcError('UNAVAILABLE', 'TRANSIT_UNAVAILABLE', message);
  }
}

/** A request that got no answer. */
export function unansweredError(thrown: unknown, { path }: TransitPlace): RpcError {
  const failure = thrown instanceof OutgoingError ? thrown.failure : 'unreachable';
  const message = `The transit engine did not answer ${path}: ${failure}.`;
  const code = failure === 'timeout' ? 'DEADLINE_EXCEEDED' : 'UNAVAILABLE';
  return new RpcError(code, 'TRANSIT_UNAVAILABLE', message, { cause: thrown });
}

function badRequest(said: string, message: string, cryptoKey: string): RpcError {
  const row = badRequests.find(({ text }) => text.test(said));
  if (row === undefined) return new RpcError('INVALID_ARGUMENT', 'TRANSIT_REFUSED', message);
  if (row.code !== 'FAILED_PRECONDITION') return new RpcError(row.code, row.reason, message);
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [{ type: row.reason, subject: cryptoKey }],
  };
  return new RpcError(row.code, row.reason, message, { details: [detail] });
}
