import type { Refused } from '../support/key-client.ts';
import type { Json } from '../support/wire.ts';

const type = (name: string): string => `type.googleapis.com/google.rpc.${name}`;

/** INVALID_ARGUMENT over one field, which a BadRequest names. */
export function badField(field: string, message: string): Refused {
  const details = [
    { '@type': type('BadRequest'), fieldViolations: [{ field, description: message }] },
  ];
  return { code: 'INVALID_ARGUMENT', message, details };
}

/** FAILED_PRECONDITION: an ErrorInfo of Cloud KMS, then what stands in the way. */
export function precondition(reason: string, subject: string, message: string): Refused {
  return {
    code: 'FAILED_PRECONDITION',
    message,
    details: [errorInfo(reason), failure(reason, subject)],
  };
}

export function errorInfo(reason: string): Json {
  return { '@type': type('ErrorInfo'), reason, domain: 'cloudkms.googleapis.com' };
}

export function failure(kind: string, subject: string): Json {
  return { '@type': type('PreconditionFailure'), violations: [{ type: kind, subject }] };
}

/** A version that is not enabled (the texts of key states, reference of Cloud KMS). */
export function notEnabled(version: string, state: string): Refused {
  const message = `${version} is not enabled, current state is: ${state}.`;
  return precondition(`KEY_${state}`, version, message);
}

export function missing(kind: string, name: string): Refused {
  return { code: 'NOT_FOUND', message: `${kind} ${name} not found.`, details: [] };
}

export function exists(kind: string, name: string): Refused {
  return { code: 'ALREADY_EXISTS', message: `${kind} ${name} already exists.`, details: [] };
}

/** A method of the proto that this server lacks. */
export function lacking(rpc: string): Refused {
  const message = `The method ${rpc} is not supported by this server.`;
  return { code: 'UNIMPLEMENTED', message, details: [] };
}

export function unbuilt(what: string): Refused {
  return { code: 'UNIMPLEMENTED', message: `${what} is not implemented.`, details: [] };
}
