import { type ErrorDetail, RpcError } from '../rpc/index.ts';
import type { KmsResourceKind } from './names.ts';

/**
 * Every error that a Cloud KMS client may see, with the service's own texts. They carry full
 * resource names, as Google's do, and never ciphertext, associated data or key bytes.
 */
export function argumentError(field: string, message: string): RpcError {
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.BadRequest',
    fieldViolations: [{ field, description: message }],
  };
  return new RpcError('INVALID_ARGUMENT', 'BAD_REQUEST_FIELD', message, { details: [detail] });
}

export function notFoundError(kind: KmsResourceKind, name: string): RpcError {
  return new RpcError('NOT_FOUND', 'KMS_RESOURCE_NOT_FOUND', `${kind} ${name} not found.`);
}

export function alreadyExistsError(kind: KmsResourceKind, name: string): RpcError {
  return new RpcError(
    'ALREADY_EXISTS',
    'KMS_RESOURCE_ALREADY_EXISTS',
    `${kind} ${name} already exists.`,
  );
}

/** Also what a caller without the permission sees where nothing is: names do not leak. */
export function permissionError(permission: string, resource: string): RpcError {
  return new RpcError(
    'PERMISSION_DENIED',
    'KEY_USE_DENIED',
    `Permission '${permission}' denied on resource '${resource}' (or it may not exist).`,
  );
}

/** A version that may not be used: `state` is its present one. */
export function notEnabledError(versionName: string, state: string): RpcError {
  const reason = `KEY_${state}`;
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [{ type: reason, subject: versionName }],
  };
  const message = `${versionName} is not enabled, current state is: ${state}.`;
  return new RpcError('FAILED_PRECONDITION', reason, message, { details: [detail] });
}

/** A key that was created without a version, or none of whose versions was made primary. */
export function noPrimaryError(keyName: string): RpcError {
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [{ type: 'KEY_PRIMARY_VERSION_MISSING', subject: keyName }],
  };
  return new RpcError(
    'FAILED_PRECONDITION',
    'KEY_PRIMARY_VERSION_MISSING',
    `CryptoKey ${keyName} does not have a primary version.`,
    { details: [detail] },
  );
}

export function wrongKeyError(): RpcError {
  const message = "Decryption failed: verify that 'name' refers to the correct CryptoKey.";
  return new RpcError('INVALID_ARGUMENT', 'CIPHERTEXT_OF_ANOTHER_KEY', message);
}

export function ciphertextError(): RpcError {
  const message = 'Decryption failed: the ciphertext is invalid.';
  return new RpcError('INVALID_ARGUMENT', 'CIPHERTEXT_INVALID', message);
}

export function lengthError(field: string, lengthMax: number, length: number): RpcError {
  return argumentError(
    field,
    `Request field ${field} must have length of at least 0, but not more than ${lengthMax}. ` +
      `Provided value had length ${length}.`,
  );
}

/** Something of the API that is not built, by its name. */
export function unimplementedError(what: string): RpcError {
  return new RpcError('UNIMPLEMENTED', 'KMS_UNIMPLEMENTED', `${what} is not implemented.`);
}

/** Stored bytes that do not open: changed, moved from another row, or of another installation. */
export function damagedRowError(what: string): RpcError {
  return new RpcError(
    'DATA_LOSS',
    'KEY_STORE_DAMAGED',
    `The key store holds a damaged record: ${what}.`,
  );
}

/** A key wrapped by another root key than the one in the root key file. */
export function wrongRootKeyError(purpose: string, wrappedUnder: string, id: string): RpcError {
  return new RpcError(
    'DATA_LOSS',
    'ROOT_KEY_MISMATCH',
    `Wrong root key: the key for ${purpose} is wrapped by root key ${wrappedUnder}, but the root key ` +
      `file holds ${id}. Restore the right file.`,
  );
}

/** Several writers kept changing one resource under this call. */
export function contentionError(resource: string): RpcError {
  return new RpcError(
    'ABORTED',
    'KMS_CONCURRENT_CHANGE',
    `${resource} was changed concurrently. Please retry.`,
  );
}
