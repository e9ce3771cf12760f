import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { equalBytes, hkdfSha256, keyBytes, wipe } from '../../crypto/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import { makeDirectory } from '../../storage/index.ts';

/** The root key file cannot be used; the message says what is wrong and what to do. */
export class RootKeyError extends Error {
  override name = 'RootKeyError';
}

export interface RootKeyFile {
  readonly id: string;
  /** 32 bytes; the caller wipes them. */
  readonly bytes: Uint8Array;
  readonly isNew: boolean;
}

/** File: magic line ‖ id (16) ‖ key (32) ‖ check (32). The check tells damage from a wrong key. */
const magic: Uint8Array = new TextEncoder().encode('sealpost root key v1\n');
const idBytes = 16;
const checkBytes = 32;
const idAt: number = magic.length;
const keyAt: number = idAt + idBytes;
const checkAt: number = keyAt + keyBytes;
const fileBytes: number = checkAt + checkBytes;

const isPosix: boolean = process.platform !== 'win32';

export function readOrCreateRootKeyFile(
  path: string,
  dataDir: string,
  entropy: Entropy,
): RootKeyFile {
  refuseInside(path, dataDir);
  const isNew = !existsSync(path);
  if (isNew) createFile(path, dataDir, entropy);
  const content = readFile(path);
  try {
    return { ...parse(content, path), isNew };
  } finally {
    wipe(content);
  }
}

/** Links are followed as far as the paths exist: a link into the data directory is inside it. */
function refuseInside(path: string, dataDir: string): void {
  const way = relative(realPath(dataDir), realPath(path));
  const isOutside = way === '..' || way.startsWith(`..${sep}`) || resolve(way) === way;
  if (isOutside) return;
  throw new RootKeyError(`root key ${path} must not lie inside the data directory ${dataDir}`);
}

function realPath(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute)) return realpathSync(absolute);
  const parent = dirname(absolute);
  return parent === absolute ? absolute : resolve(realPath(parent), basename(absolute));
}

function createFile(path: string, dataDir: string, entropy: Entropy): void {
  refuseBesideData(path, dataDir);
  const directory = dirname(resolve(path));
  makeDirectory(directory, 0o700);
  requirePrivate(directory, lstatSync(directory));
  const draft = `${path}.new-${Buffer.from(draw(entropy, 8)).toString('hex')}`;
  const content = compose(entropy);
  try {
    writeDurably(draft, content);
  } finally {
    wipe(content);
  }
  publish(draft, path);
  syncDirectory(directory);
  syncDirectory(dirname(directory));
}

/** A link fails if the name is taken: two first starts must not each believe in a key of their own. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** A lost key must not be replaced by a new one that opens nothing. */
function refuseBesideData(path: string, dataDir: string): void {
  for (const directory of [dataDir, dirname(resolve(path))]) {
    const entries = existsSync(directory) ? readdirSync(directory) : [];
    if (entries.every((entry) => isHarmless(entry, basename(path)))) continue;
    throw new RootKeyError(
      `root key ${path} is missing, but ${directory} is not empty: restore the key`,
    );
  }
}

/** What a mount point, the directory's lock or a first start that was cut short leave behind. */
function isHarmless(entry: string, keyFile: string): boolean {
  return (
    /^(?:lost\+found|lock(?:-.*)?|owner(?:\..*)?)$/.test(entry) ||
    entry.startsWith(`${keyFile}.new-`)
  );
}

function compose(entropy: Entropy): Uint8Array {
  const content = new Uint8Array(fileBytes);
  content.set(magic);
  entropy.fill(content.subarray(idAt, checkAt));
  content.set(checkOf(content), checkAt);
  return content;
}

function checkOf(content: Uint8Array): Uint8Array {
  const info = new TextEncoder().encode('sealpost/root-key/check/v1');
  const key = content.subarray(keyAt, checkAt);
  return hkdfSha256(key, content.subarray(idAt, keyAt), info, checkBytes);
}

function writeDurably(path: string, content: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    let at = 0;
    while (at < content.length) at += writeSync(file, content, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  if (!isPosix) return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function readFile(path: string): Uint8Array {
  requirePrivate(dirname(resolve(path)), lstatSync(realpathSync(dirname(resolve(path)))));
  const file = openSync(path, 'r');
  try {
    const stats = fstatSync(file);
    requirePrivate(path, stats);
    if (stats.size !== fileBytes) throw damaged(path);
    const content = new Uint8Array(fileBytes);
    let at = 0;
    while (at < fileBytes) {
      const count = readSync(file, content, at, fileBytes - at, at);
      if (count === 0) throw damaged(path);
      at += count;
    }
    return content;
  } finally {
    closeSync(file);
  }
}

/** Refuses what group or others may touch, and what belongs to another user. */
function requirePrivate(path: string, stats: Stats): void {
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

function parse(content: Uint8Array, path: string): { id: string; bytes: Uint8Array } {
  const isOurs = equalBytes(content.subarray(0, idAt), magic);
  if (!isOurs || !equalBytes(checkOf(content), content.subarray(checkAt))) throw damaged(path);
  const id = Buffer.from(content.subarray(idAt, keyAt)).toString('hex');
  return { id, bytes: content.slice(keyAt, checkAt) };
}

function damaged(path: string): RootKeyError {
  return new RootKeyError(`root key ${path} is damaged: restore it from its copy`);
}
