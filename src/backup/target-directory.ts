import { lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type DataDirLock, lockDataDir, StorageError, syncPath } from '../storage/index.ts';
import { directoryError, existsError, failureText, takenError } from './backup-error.ts';
import { unfinishedName } from './layout.ts';
import { writeSynced } from './manifest.ts';

/** Where a backup may not go: the directories of data and of the root key. */
export interface Surroundings {
  readonly dataDir: string;
  readonly keysDir: string;
}

/** `DIRECTORY.partial`, which becomes `DIRECTORY` in one step once everything is on the disk. */
export interface TargetDirectory {
  readonly path: string;
  /** Puts it in its place. Durable when it returns. */
  finish(): void;
  /** Removes what was written. */
  abandon(): void;
}

/**
 * The directory of a new backup, with no link on the way that is ours to follow. Throws RpcError
 * INVALID_ARGUMENT or ALREADY_EXISTS.
 */
export function targetPath(directory: string, { dataDir, keysDir }: Surroundings): string {
  if (!isAbsolute(directory) || directory.includes('\0')) {
    throw directoryError('The directory of a backup must be an absolute path.');
  }
  const path = resolve(directory);
  if (isThere(path)) throw existsError(path);
  const place = join(realParent(path), basename(path));
  for (const [taken, what] of [
    [dataDir, 'data directory'],
    [keysDir, 'directory of the root key'],
  ] as const) {
    if (isWithin(realPath(taken), place)) {
      throw directoryError(`${path} is inside the ${what} ${taken}: a backup lies apart from it.`);
    }
  }
  return place;
}

/**
 * Makes it and locks it, so that no second backup writes there. What a backup left there that did
 * not reach its end is removed; anything else is refused.
 */
export async function openTarget(path: string): Promise<TargetDirectory> {
  const partial = `${path}.partial`;
  makePartial(partial);
  const lock = await lockDataDir(partial, 'backup').catch((error: unknown) => {
    throw error instanceof StorageError ? takenError(error) : error;
  });
  try {
    clear(partial);
    return target(path, partial, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function target(path: string, partial: string, lock: DataDirLock): TargetDirectory {
  return {
    path: partial,
    finish: () => {
      if (isThere(path)) throw existsError(path);
      for (const name of [...lockNames, unfinishedName])
        rmSync(join(partial, name), { force: true });
      syncPath(partial);
      renameSync(partial, path);
      syncPath(dirname(path));
      lock.release();
    },
    abandon: () => {
      rmSync(partial, { recursive: true, force: true });
      lock.release();
    },
  };
}

function makePartial(partial: string): void {
  const found = lstatSync(partial, { throwIfNoEntry: false });
  if (found === undefined) {
    try {
      mkdirSync(partial, { mode: 0o700 });
    } catch (error) {
      throw directoryError(`A backup cannot be written to ${failureText(partial, error)}.`);
    }
  } else if (!found.isDirectory() || !isUnfinished(partial)) {
    throw directoryError(`${partial} is there, and is no unfinished backup: remove it.`);
  }
}

const lockNames: readonly string[] = ['lock', 'lock-journal', 'owner', 'owner.new'];

/** One that was killed before it could mark its directory has left nothing but its lock. */
function isUnfinished(partial: string): boolean {
  const names = readdirSync(partial);
  return names.includes(unfinishedName) || names.every((name) => lockNames.includes(name));
}

function clear(partial: string): void {
  for (const name of readdirSync(partial)) {
    if (lockNames.includes(name) || name === unfinishedName) continue;
    rmSync(join(partial, name), { recursive: true, force: true });
  }
  rmSync(join(partial, unfinishedName), { force: true });
  writeSynced(join(partial, unfinishedName), '');
}

function realParent(path: string): string {
  const parent = dirname(path);
  try {
    return realpathSync(parent);
  } catch {
    throw directoryError(`${parent}, which is to hold the backup, is no directory.`);
  }
}

/** Also of one that is not there yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isWithin(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
}
