import { RpcError } from '../rpc/index.ts';
import type { StorageError } from '../storage/index.ts';

/** The directory cannot be one that a backup is written to, or read from. */
export function directoryError(text: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', 'BACKUP_DIRECTORY', text);
}

export function existsError(directory: string): RpcError {
  const text = `${directory} exists already: a backup never writes over anything.`;
  return new RpcError('ALREADY_EXISTS', 'BACKUP_EXISTS', text);
}

/** Another process writes there, which the cause names; or nobody can. */
export function takenError(cause: StorageError): RpcError {
  if (cause.fault !== 'inUse') return directoryError(`${cause.message}.`);
  return new RpcError('FAILED_PRECONDITION', 'BACKUP_RUNNING', `${cause.message}.`, { cause });
}

export function roomError(directory: string, need: number, free: number): RpcError {
  const text =
    `${directory} needs ${mebibytes(need)} MiB, some of it to be left free, and the disk has ` +
    `${mebibytes(free)} MiB.`;
  return new RpcError('RESOURCE_EXHAUSTED', 'BACKUP_NO_ROOM', text);
}

/** What is read is not what was written. */
export function damagedError(path: string, problem: string): RpcError {
  const text = `The backup is damaged: ${path} ${problem}. Nothing of it was restored.`;
  return new RpcError('DATA_LOSS', 'BACKUP_DAMAGED', text);
}

/** What a step that failed says, with where it failed. */
export function failureText(directory: string, error: unknown): string {
  if (error instanceof RpcError) return error.message;
  const text = error instanceof Error ? error.message : String(error);
  return text.includes(directory) ? text : `${directory}: ${text}`;
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
