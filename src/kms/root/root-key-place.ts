import { existsSync, linkSync, lstatSync, readdirSync, realpathSync, unlinkSync } from 'node:fs';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { draw, type Entropy } from '../../runtime/index.ts';
import { makeDirectory } from '../../storage/index.ts';
import { requirePrivate, syncDirectory, writeDurably } from './private-file.ts';
import { RootKeyError } from './root-key-error.ts';

/** Links are followed as far as the paths exist: a link into the data directory is inside it. */
export function refuseInside(path: string, dataDir: string): void {
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

/** A lost key must not be replaced by a new one that opens nothing. */
export function refuseBesideData(path: string, dataDir: string): void {
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

/** The first root key of a directory: durable when it returns, and never over another. */
export function placeFirst(path: string, content: Uint8Array, entropy: Entropy): void {
  const directory = dirname(resolve(path));
  makeDirectory(directory, 0o700);
  requirePrivate(directory, lstatSync(directory));
  const draft = `${path}.new-${Buffer.from(draw(entropy, 8)).toString('hex')}`;
  writeDurably(draft, content);
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
