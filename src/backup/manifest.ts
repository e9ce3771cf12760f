import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { damagedError, directoryError } from './backup-error.ts';
import { isBackupPath, manifestName, manifestSumName } from './layout.ts';

export interface BackedUpFile {
  /** Below the backup, and below a data directory. */
  readonly path: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** What a backup holds, so that damage is found before anything is restored. It is no secret. */
export interface Manifest {
  readonly format: 1;
  /** Of the Sealpost that wrote it. */
  readonly version: string;
  /** The moment that it shows, and the one at which it was whole; RFC 3339. */
  readonly startTime: string;
  readonly endTime: string;
  /** Of the root key that a start on it needs; null: the file was away when it was made. */
  readonly rootKeyId: string | null;
  readonly files: readonly BackedUpFile[];
}

/** A JSON file, and its SHA-256 as `sha256sum` writes it. */
export function writeManifest(directory: string, manifest: Manifest): void {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  writeSynced(join(directory, manifestName), text);
  writeSynced(join(directory, manifestSumName), `${sha256(text)}  ${manifestName}\n`);
}

/** @throws RpcError INVALID_ARGUMENT if there is none, DATA_LOSS if it is not what was written */
export function readManifest(directory: string): Manifest {
  const bytes = read(directory, manifestName);
  const sum = read(directory, manifestSumName).toString('latin1');
  if (sum !== `${sha256(bytes)}  ${manifestName}\n`) {
    throw damagedError(manifestName, `is not what ${manifestSumName} says`);
  }
  const manifest = parsed(bytes.toString('utf8'));
  if (manifest === null) throw damagedError(manifestName, 'cannot be read');
  return manifest;
}

export function bytesOf({ files }: Pick<Manifest, 'files'>): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** A new file, 0600, on the disk when it returns. */
export function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function read(directory: string, name: string): Buffer {
  try {
    return readFileSync(join(directory, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const detail = error instanceof Error ? error.message : String(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw damagedError(name, `(${detail})`);
    throw directoryError(`${directory} is no whole backup: it has no ${name}.`);
  }
}

/** Null unless it is one of this format, whose files lie where files of a backup lie. */
function parsed(text: string): Manifest | null {
  try {
    const manifest = JSON.parse(text) as Partial<Manifest>;
    if (manifest.format !== 1 || !Array.isArray(manifest.files)) return null;
    const paths = manifest.files.map(({ path }) => path);
    const isSound = manifest.files.every(isFile) && new Set(paths).size === paths.length;
    return isSound ? (manifest as Manifest) : null;
  } catch {
    return null;
  }
}

function isFile(file: unknown): boolean {
  const { path, bytes, sha256: sum } = file as Partial<BackedUpFile>;
  const isPlace = typeof path === 'string' && isBackupPath(path);
  return isPlace && Number.isSafeInteger(bytes) && /^[0-9a-f]{64}$/u.test(String(sum));
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
