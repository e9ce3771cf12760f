import { constants } from 'node:os';
import { StorageError, type StorageFault } from '../storage-error.ts';

/** LMDB's MDB_MAP_FULL: the file could not be given the room that the transaction needs. */
const mapFull = -30792;

const { errno } = constants;

const faults: ReadonlyMap<number, StorageFault> = new Map([
  [mapFull, 'full'],
  [errno.ENOSPC, 'full'],
  [errno.EDQUOT, 'full'],
  [errno.EFBIG, 'full'],
  [errno.EROFS, 'readOnly'],
  [errno.EACCES, 'readOnly'],
  [errno.EPERM, 'readOnly'],
]);

const advice: Readonly<Record<StorageFault, string>> = {
  full: 'the disk is full; free space and publishing resumes by itself',
  readOnly: 'the disk is read only',
  io: 'the disk reported an error',
  closed: 'the store is closed',
  inUse: 'another process uses the data directory',
};

/** Turns what lmdb, node:fs or SQLite threw into a StorageError that says what to do. */
export function storageErrorFrom(error: unknown, what: string): StorageError {
  if (error instanceof StorageError) return error;
  const fault = faultOf(error);
  const detail = error instanceof Error ? error.message : String(error);
  return new StorageError(fault, `${what}: ${advice[fault]} (${detail})`, { cause: error });
}

/** Negative codes are LMDB's own; its system errors and libuv's differ in sign only. */
function faultOf(error: unknown): StorageFault {
  const { code, errno: number } = error as { code?: unknown; errno?: unknown };
  for (const value of [code, number]) {
    if (typeof value !== 'number') continue;
    const fault = faults.get(value) ?? faults.get(-value);
    if (fault) return fault;
  }
  return 'io';
}
