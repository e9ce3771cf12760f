import { type ErrorDetail, RpcError } from '../../rpc/index.ts';

/** What a call of the external key manager was for, as Cloud KMS's error reference names it. */
export type EkmMethod = 'Encrypt' | 'Decrypt';

/** Why an EXTERNAL key cannot be used (Cloud KMS, Cloud EKM error reference, `violation[1].type`). */
export type EkmErrorDomain =
  | 'EXTERNAL_PERMISSION_DENIED'
  | 'EXTERNAL_NOT_FOUND'
  | 'EXTERNAL_KEY_URI_INVALID'
  | 'EXTERNAL_KEY_HOST_NOT_WHITELISTED'
  | 'DNS'
  | 'EXTERNAL_RESOURCE_EXHAUSTED'
  | 'UNREACHABLE_NETWORK'
  | 'OVERLOADED_EKM'
  | 'TIMEOUT'
  | 'REQUEST_CANCELLED'
  | 'TLS_CERT'
  | 'UNEXPECTED_RESPONSE'
  | 'EXTERNAL_SERVER_ERROR'
  | 'EXTERNAL_NOT_IMPLEMENTED'
  | 'UNEXPECTED_ERROR'
  | 'DECRYPTION_FAILED';

/** What was wrong, and with what: the key, or the host that it is at. */
export interface EkmFault {
  readonly domain: EkmErrorDomain;
  readonly element: 'key' | 'EKM host';
}

interface DomainRow {
  /** The reference's sentence. */
  readonly text: (element: string, method: EkmMethod) => string;
  /** The reference's "retriable errors": they say nothing about the key. */
  readonly isTransient?: true;
}

const domains: Readonly<Record<EkmErrorDomain, DomainRow>> = {
  EXTERNAL_PERMISSION_DENIED: {
    text: (element) => `Permission was denied when accessing the ${element}.`,
  },
  EXTERNAL_NOT_FOUND: { text: (element) => `Could not find a ${element}.` },
  EXTERNAL_KEY_URI_INVALID: { text: () => 'Key URI has invalid format.' },
  EXTERNAL_KEY_HOST_NOT_WHITELISTED: { text: () => 'Key URI host is not supported.' },
  DNS: { text: (element) => `Could not resolve the domain name for ${element}.` },
  EXTERNAL_RESOURCE_EXHAUSTED: {
    text: () => 'Throttled when trying to access key URI.',
    isTransient: true,
  },
  UNREACHABLE_NETWORK: {
    text: (element) => `Could not reach the ${element} due to an external networking error.`,
    isTransient: true,
  },
  OVERLOADED_EKM: {
    text: (element) =>
      `Could not reach the ${element} because the external key manager reports that it is ` +
      'overloaded.',
    isTransient: true,
  },
  TIMEOUT: {
    text: (element) => `Timed out when trying to access the ${element}.`,
    isTransient: true,
  },
  REQUEST_CANCELLED: {
    text: (element) => `The request was cancelled when trying to access the ${element}.`,
    isTransient: true,
  },
  TLS_CERT: {
    text: (element) => `Could not validate the TLS server certificate for the ${element}.`,
  },
  UNEXPECTED_RESPONSE: {
    text: (element) => `Got garbled or unusable response when trying to access the ${element}.`,
  },
  EXTERNAL_SERVER_ERROR: {
    text: (element) => `External server error when trying to access the ${element}.`,
  },
  EXTERNAL_NOT_IMPLEMENTED: {
    text: (_element, method) =>
      'The external key manager indicated they have not implemented the appropriate method to ' +
      `support Cloud KMS's ${method}.`,
  },
  UNEXPECTED_ERROR: {
    text: (element) => `Got unexpected error when trying to access the ${element}.`,
  },
  DECRYPTION_FAILED: {
    text: () => 'Decryption failed: The EKM reports that decryption failed.',
  },
};

/** Which use of which key met the fault. */
export interface EkmUse {
  readonly version: string;
  readonly uri: string;
  readonly method: EkmMethod;
  /** The version's state after the fault. */
  readonly state: 'ENABLED' | 'DISABLED';
  /** What the network layer says of it; never a text of the other side. */
  readonly cause?: string;
}

/**
 * The error as Cloud KMS answers it: FAILED_PRECONDITION, whose first violation is the state of the
 * key version and the second the fault; INVALID_ARGUMENT for what did not decrypt.
 */
export function ekmError({ domain, element }: EkmFault, use: EkmUse): RpcError {
  const sentence = domains[domain].text(element, use.method);
  const cause = use.cause === undefined ? '' : ` ${use.cause}`;
  const message = `${sentence} Key URI: ${use.uri}.${cause}`;
  if (domain === 'DECRYPTION_FAILED') return new RpcError('INVALID_ARGUMENT', domain, message);
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [
      { type: `KEY_${use.state}`, subject: use.version },
      { type: domain, subject: use.uri, description: sentence },
    ],
  };
  return new RpcError('FAILED_PRECONDITION', domain, message, { details: [detail] });
}

/** Whether the reference counts a domain as retriable. */
export function isTransientDomain(domain: EkmErrorDomain): boolean {
  return domains[domain].isTransient === true;
}

/**
 * Whether an error of a key service, embedded or remote, only says that an external key manager
 * could not be asked just then: it is FAILED_PRECONDITION all the same, and no word of the key's
 * owner.
 */
export function isTransientKeyError(error: RpcError): boolean {
  return error.details.some(
    (detail) =>
      detail['@type'] === 'type.googleapis.com/google.rpc.PreconditionFailure' &&
      isTransientType(detail.violations[1]?.type ?? ''),
  );
}

function isTransientType(type: string): boolean {
  return Object.hasOwn(domains, type) && isTransientDomain(type as EkmErrorDomain);
}
