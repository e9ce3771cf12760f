import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pid } from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectory } from './directory.ts';
import { StorageError } from './storage-error.ts';

/** Held until `release`, or until the process ends in any way. */
export interface DataDirLock {
  /** Replaces what a refused process is told of this one: its URL, once known. */
  describe(description: string): void;
  release(): void;
}

const sqliteBusy = 5;

/**
 * Makes this process the only one on a data directory. A second is refused with
 * StorageError('inUse'), whose message names the first by pid and `description`.
 *
 * The lock is a POSIX record lock, which the kernel gives back when its holder dies, however it
 * dies, and which holds across containers that share the directory. Node offers it only by way of
 * SQLite: an exclusive transaction on an empty database file that is never written.
 */
export async function lockDataDir(dataDir: string, description: string): Promise<DataDirLock> {
  const ownerPath = join(dataDir, 'owner');
  const lock = acquire(dataDir, ownerPath);
  const describe = (text: string): void => writeOwner(ownerPath, text);
  describe(description);
  return {
    describe,
    release: () => {
      rmSync(ownerPath, { force: true });
      lock.close();
    },
  };
}

function acquire(dataDir: string, ownerPath: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    makeDirectory(dataDir, 0o700);
    lock = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw unlockable(dataDir, error);
    const message = `The data directory ${dataDir} is in use by ${readOwner(ownerPath)}`;
    throw new StorageError('inUse', message, { cause: error });
  }
}

function unlockable(dataDir: string, error: unknown): StorageError {
  const detail = error instanceof Error ? error.message : String(error);
  const { code, errcode } = error as { code?: string; errcode?: number };
  const isReadOnly = code === 'EROFS' || code === 'EACCES' || errcode === 8 || errcode === 14;
  const message = `The data directory ${dataDir} cannot be locked: ${detail}`;
  return new StorageError(isReadOnly ? 'readOnly' : 'io', message, { cause: error });
}

/** Renamed into place, so that a reader never sees half of it. */
function writeOwner(path: string, description: string): void {
  try {
    writeFileSync(`${path}.new`, `process ${pid} (${description})\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    // A full disk must not keep the server from starting: only the message gets poorer.
    rmSync(path, { force: true });
  }
}

function readOwner(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return 'another process';
  }
}
