import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { RootKeyError } from './root-key-error.ts';

const isPosix: boolean = process.platform !== 'win32';

/** A new file with mode 0600, on disk when it returns; its directory is not synced. */
export function writeDurably(path: string, content: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    let at = 0;
    while (at < content.length) at += writeSync(file, content, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes the names in it durable. */
export function syncDirectory(path: string): void {
  if (!isPosix) return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/**
 * A small file that only this process's user may touch, as its directory. The caller wipes it.
 *
 * @throws RootKeyError if others are let in, or it is longer than `bytesMax`
 */
export function readPrivateFile(path: string, bytesMax: number): Uint8Array {
  requirePrivate(dirname(resolve(path)), lstatSync(realpathSync(dirname(resolve(path)))));
  return readSecretFile(path, bytesMax);
}

/** As `readPrivateFile`, in any directory: a secret that its owner put where it suits. */
export function readSecretFile(path: string, bytesMax: number): Uint8Array {
  return readWith(path, bytesMax, (stats) => requirePrivate(path, stats));
}

/** A file whose access somebody else sees to, as systemd does for credentials. */
export function readGivenFile(path: string, bytesMax: number): Uint8Array {
  return readWith(path, bytesMax, () => undefined);
}

function readWith(path: string, bytesMax: number, check: (stats: Stats) => void): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const stats = fstatSync(file);
    check(stats);
    if (stats.size > bytesMax) throw new RootKeyError(`${path} is longer than ${bytesMax} bytes`);
    return readWhole(file, stats.size);
  } finally {
    closeSync(file);
  }
}

function readWhole(file: number, size: number): Uint8Array {
  const content = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const count = readSync(file, content, at, size - at, at);
    if (count === 0) return content.slice(0, at);
    at += count;
  }
  return content;
}

/** Refuses what group or others may touch, and what belongs to another user. */
export function requirePrivate(path: string, stats: Stats): void {
  if (!isPosix) return;
  const mode = stats.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    const wanted = stats.isDirectory() ? '0700' : '0600';
    throw new RootKeyError(
      `root key: ${path} has mode 0${mode.toString(8)}, which lets others in: chmod ${wanted}`,
    );
  }
  if (stats.uid !== process.getuid?.()) {
    throw new RootKeyError(`root key: ${path} belongs to uid ${stats.uid}, not to this process`);
  }
}
