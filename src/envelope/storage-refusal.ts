import { RpcError } from '../rpc/index.ts';
import type { StorageError } from '../storage/index.ts';

/** By name: this folder knows the storage's types only, and is handed its engines. */
function isStorageError(error: unknown): error is StorageError {
  return error instanceof Error && error.name === 'StorageError';
}

/**
 * What a refusal of the storage means to a client: RESOURCE_EXHAUSTED DISK_FULL, UNAVAILABLE
 * DISK_READ_ONLY or UNAVAILABLE STORAGE_UNAVAILABLE. Any other error is as `RpcError.from` has it.
 */
export function storageRefusal(error: unknown): RpcError {
  if (!isStorageError(error)) return RpcError.from(error);
  const options = { cause: error };
  switch (error.fault) {
    case 'full':
      return new RpcError(
        'RESOURCE_EXHAUSTED',
        'DISK_FULL',
        'The disk that stores messages is full. Publishing resumes when space is freed.',
        options,
      );
    case 'readOnly':
      return new RpcError(
        'UNAVAILABLE',
        'DISK_READ_ONLY',
        'The disk that stores messages is read only. Please try again later.',
        options,
      );
    default:
      return new RpcError(
        'UNAVAILABLE',
        'STORAGE_UNAVAILABLE',
        'The storage cannot be reached. Please try again later.',
        options,
      );
  }
}
