import type { EkmErrorDomain, EkmFault, EkmMethod } from './ekm-error.ts';
import type { EkmTransportFailure } from './ekm-transport.ts';

const ofFailures: Readonly<Record<EkmTransportFailure, EkmErrorDomain>> = {
  'name not found': 'DNS',
  unreachable: 'UNREACHABLE_NETWORK',
  timeout: 'TIMEOUT',
  tls: 'TLS_CERT',
  'address refused': 'EXTERNAL_KEY_HOST_NOT_WHITELISTED',
  'malformed answer': 'UNEXPECTED_RESPONSE',
  cancelled: 'REQUEST_CANCELLED',
};

const ofStatuses: ReadonlyMap<number, EkmErrorDomain> = new Map([
  [401, 'EXTERNAL_PERMISSION_DENIED'],
  [403, 'EXTERNAL_PERMISSION_DENIED'],
  [404, 'EXTERNAL_NOT_FOUND'],
  [405, 'EXTERNAL_NOT_IMPLEMENTED'],
  [408, 'TIMEOUT'],
  [410, 'EXTERNAL_NOT_FOUND'],
  [429, 'EXTERNAL_RESOURCE_EXHAUSTED'],
  [501, 'EXTERNAL_NOT_IMPLEMENTED'],
  [502, 'UNREACHABLE_NETWORK'],
  [503, 'OVERLOADED_EKM'],
  [504, 'TIMEOUT'],
]);

/** A call that got no answer. */
export function faultOfFailure(failure: EkmTransportFailure): EkmFault {
  const domain = ofFailures[failure];
  return { domain, element: domain === 'DNS' || domain === 'TLS_CERT' ? 'EKM host' : 'key' };
}

/** What an HTTP status says; null: the answer's body counts. docs/ekm.md has it as a table. */
export function faultOfStatus(status: number, method: EkmMethod): EkmFault | null {
  if (status === 200) return null;
  // Who it is that asks was not believed: that is no word about the key.
  const element = status === 401 ? 'EKM host' : 'key';
  return { domain: ofStatuses.get(status) ?? rangeDomain(status, method), element };
}

function rangeDomain(status: number, method: EkmMethod): EkmErrorDomain {
  if (status === 400 && method === 'Decrypt') return 'DECRYPTION_FAILED';
  if (status >= 500) return 'EXTERNAL_SERVER_ERROR';
  return status >= 400 ? 'UNEXPECTED_ERROR' : 'UNEXPECTED_RESPONSE';
}
