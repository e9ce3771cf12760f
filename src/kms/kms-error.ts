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

/** A RetiredResource or an operation that is not there. */
export function retiredNotFoundError(name: string): RpcError {
  return new RpcError('NOT_FOUND', 'KMS_RESOURCE_NOT_FOUND', `${name} not found.`);
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
    `Permission '${permission}' denied on resource '${resource.slice(0, 1_024)}' (or it may not exist).`,
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

/** A version that is not in a state for what is asked of it. */
export function versionStateError(versionName: string, state: string, wanted: string): RpcError {
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [{ type: `KEY_${state}`, subject: versionName }],
  };
  return new RpcError(
    'FAILED_PRECONDITION',
    'KEY_VERSION_STATE',
    `${versionName} must be in state ${wanted}, current state is: ${state}.`,
    { details: [detail] },
  );
}

/** A key that has versions still, and is to be deleted. */
export function keyHasVersionsError(keyName: string): RpcError {
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [{ type: 'KEY_HAS_VERSIONS', subject: keyName }],
  };
  return new RpcError(
    'FAILED_PRECONDITION',
    'KEY_HAS_VERSIONS',
    `CryptoKey ${keyName} has CryptoKeyVersions. Delete them first.`,
    { details: [detail] },
  );
}

/** A name that a deleted key had. */
export function retiredNameError(keyName: string): RpcError {
  return new RpcError(
    'ALREADY_EXISTS',
    'KMS_NAME_RETIRED',
    `CryptoKey ${keyName} was deleted, and its name cannot be used again.`,
  );
}

/** A key that is used for what it was not made for. */
export function purposeError(name: string, purpose: string, operation: string): RpcError {
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
    violations: [{ type: 'KEY_PURPOSE', subject: name }],
  };
  return new RpcError(
    'FAILED_PRECONDITION',
    'KEY_PURPOSE_MISMATCH',
    `The purpose of ${name} is ${purpose}, which ${operation} cannot use.`,
    { details: [detail] },
  );
}

/** A key whose owner allows it for other reasons, or for none. */
export function accessReasonError(keyName: string, reason: string): RpcError {
  return new RpcError(
    'PERMISSION_DENIED',
    'KEY_ACCESS_NOT_JUSTIFIED',
    `The key access justifications policy of ${keyName} does not allow access for the reason ` +
      `${reason}.`,
  );
}

/** A protection level for which this server was given no provider. */
export function unconfiguredLevelError(level: string): RpcError {
  return new RpcError(
    'UNIMPLEMENTED',
    'PROTECTION_LEVEL_UNCONFIGURED',
    `The protection level ${level} is not configured on this server.`,
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

/** A row is not there whose companions, written with it, are. */
export function lostRowError(what: string): RpcError {
  return new RpcError(
    'DATA_LOSS',
    'KEY_STORE_DAMAGED',
    `The key store is damaged: the row of ${what} is gone, but not what was stored with it.`,
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
