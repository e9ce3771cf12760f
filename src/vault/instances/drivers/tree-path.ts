import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join, posix } from 'node:path';

/** As the kernel: more links than that are a loop. */
const linksMax = 40;

/** Names that are looked at for one path, in links too: each costs everybody a moment. */
export const stepsMax: number = 128;

/** An instance has others mounted there: where their links lead, the tree does not tell. */
const mounted: ReadonlySet<string> = new Set(['/proc', '/dev']);

export interface TreePlace {
  /** Outside; no part of it but perhaps the last is a link, and the last is none either. */
  readonly path: string;
  /** Null: nothing is there, though its parent is. */
  readonly stats: Stats | null;
}

/**
 * Where a path of an instance is, with links followed as they would be with the tree as root: none
 * leads out of it. Null for a loop or too long a way, and for what lies beneath something that is no folder of its own.
 *
 * Only for a tree in which nothing runs: between this and the use of it, a link could come.
 */
export function placeInTree(root: string, path: string): TreePlace | null {
  let names = namesOf(path);
  let at = '/';
  for (let links = 0, steps = 1; names.length > 0; steps++) {
    if (steps > stepsMax) return null;
    const next = posix.join(at, names[0]!);
    names = names.slice(1);
    const stats = statsOf(join(root, next));
    if (stats === null) return names.length === 0 ? { path: join(root, next), stats } : null;
    if (stats.isSymbolicLink()) {
      if (++links > linksMax) return null;
      const target = readlinkSync(join(root, next));
      if (target.startsWith('/')) at = '/';
      names = [...namesOf(target), ...names];
      continue;
    }
    if (names.length > 0 && (!stats.isDirectory() || mounted.has(next))) return null;
    at = next;
  }
  return { path: join(root, at), stats: statsOf(join(root, at)) };
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function statsOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}
