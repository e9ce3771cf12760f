import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { formatTimestamp } from '../rpc/index.ts';
import { type Clock, draw, type Entropy } from '../runtime/index.ts';
import {
  type AfterPiece,
  copyFile,
  type CopiedFile,
  hashFile,
  lockDataDir,
  makeDirectory,
  StorageError,
  syncPath,
} from '../storage/index.ts';
import { damagedError, directoryError } from './backup-error.ts';
import { requireRoom } from './disk-room.ts';
import { restoredName, restoringName } from './layout.ts';
import {
  bytesOf,
  type BackedUpFile,
  type Manifest,
  readManifest,
  writeSynced,
} from './manifest.ts';

export interface RestoreParts {
  /** The backup, and a directory that is not there or is empty. */
  readonly backup: string;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Bytes so far, and of all. */
  readonly progress: (bytes: number, totalBytes: number) => void;
}

/**
 * Reads every file of a backup and compares it with the manifest. Throws RpcError DATA_LOSS, which
 * names the first file that is not what was written.
 */
export async function checkBackup(
  backup: string,
  progress: RestoreParts['progress'],
): Promise<Manifest> {
  const manifest = readManifest(resolve(backup));
  const count = counter(manifest, progress);
  for (const file of manifest.files) {
    await requireSame(file, () => hashFile(join(backup, file.path), count));
  }
  return manifest;
}

/**
 * Writes a backup to a new data directory, compared with the manifest on the way. Until it is whole
 * no server starts there. Throws RpcError, StorageError.
 */
export async function restoreBackup(parts: RestoreParts): Promise<Manifest> {
  const backup = resolve(parts.backup);
  const dataDir = resolve(parts.dataDir);
  const manifest = readManifest(backup);
  requireNewDirectory(dataDir);
  makeDirectory(dataDir, 0o700);
  requireRoom(dataDir, dataDir, bytesOf(manifest));
  const lock = await lockDataDir(dataDir, 'restore');
  try {
    writeSynced(join(dataDir, restoringName), `from ${backup}\n`);
    syncPath(dataDir);
    const count = counter(manifest, parts.progress);
    for (const file of manifest.files) await restoreFile(file, backup, dataDir, count);
    writeSynced(join(dataDir, restoredName), markOf(manifest, parts));
    syncPath(dataDir);
    rmSync(join(dataDir, restoringName));
    syncPath(dataDir);
    syncPath(dirname(dataDir));
  } catch (error) {
    empty(dataDir);
    throw error;
  } finally {
    lock.release();
  }
  return manifest;
}

/** Throws StorageError if a restore into the directory did not reach its end. */
export function requireWholeDirectory(dataDir: string): void {
  if (!existsSync(join(dataDir, restoringName))) return;
  const text =
    `The data directory ${dataDir} was not restored to its end: remove it, and restore the ` +
    'backup again';
  throw new StorageError('io', text);
}

/**
 * 32 hex digits that differ from those of every other copy of what was restored; empty for a
 * directory that never was. Two copies go on from one state and count on alike: whatever one of them
 * hands out and the other must not take is to be bound to it.
 */
export function copyIdOf(dataDir: string): string {
  const path = join(dataDir, restoredName);
  if (!existsSync(path)) return '';
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 32);
}

async function restoreFile(
  file: BackedUpFile,
  backup: string,
  dataDir: string,
  count: AfterPiece,
): Promise<void> {
  const to = join(dataDir, file.path);
  makeDirectory(dirname(to), 0o700);
  await requireSame(file, () => copyFile(join(backup, file.path), to, count));
  for (let folder = dirname(to); folder.length >= dataDir.length; folder = dirname(folder)) {
    syncPath(folder);
  }
}

async function requireSame(file: BackedUpFile, read: () => Promise<CopiedFile>): Promise<void> {
  const { path, bytes, sha256 } = file;
  const found = await read().catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw damagedError(path, 'is missing');
    if (code === 'ELOOP') throw damagedError(path, 'is a link');
    throw error;
  });
  if (found.bytes !== bytes) throw damagedError(path, `has ${found.bytes} of ${bytes} bytes`);
  if (found.sha256 !== sha256) throw damagedError(path, 'is not what was written');
}

function requireNewDirectory(dataDir: string): void {
  const found = lstatSync(dataDir, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) throw directoryError(`${dataDir} is no directory.`);
  const [name] = readdirSync(dataDir);
  if (name === undefined) return;
  const text = `${dataDir} is not empty (${name}): a backup is restored to a new directory alone.`;
  throw directoryError(text);
}

function markOf(manifest: Manifest, { clock, entropy }: RestoreParts): string {
  const { startTime: backupTime, rootKeyId } = manifest;
  const id = Buffer.from(draw(entropy, 16)).toString('hex');
  const restoreTime = formatTimestamp(clock.wallMs());
  return `${JSON.stringify({ format: 1, id, backupTime, restoreTime, rootKeyId })}\n`;
}

/** As it was found. The lock goes with the directory's lock file, at the very end. */
function empty(dataDir: string): void {
  const names = readdirSync(dataDir).filter((name) => name !== restoringName);
  for (const name of [...names, restoringName]) {
    rmSync(join(dataDir, name), { recursive: true, force: true });
  }
}

function counter(manifest: Manifest, progress: RestoreParts['progress']): AfterPiece {
  const total = bytesOf(manifest);
  let bytes = 0;
  return (some) => progress((bytes += some), total);
}
