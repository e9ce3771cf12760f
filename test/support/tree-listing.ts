import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** One line for each thing below a folder, in the order of their paths: all that a start sees. */
export function treeListing(root: string): string[] {
  const inodes = new Map<number, string>();
  const lines: string[] = [];
  const visit = (path: string): void => {
    const at = join(root, path);
    const stats = lstatSync(at);
    lines.push(`${path || '.'} ${described(at, path, stats, inodes)}`);
    if (!stats.isDirectory()) return;
    for (const name of readdirSync(at).toSorted()) visit(path === '' ? name : `${path}/${name}`);
  };
  visit('');
  return lines;
}

function described(at: string, path: string, stats: Stats, inodes: Map<number, string>): string {
  const owner = `${stats.uid}:${stats.gid}`;
  if (stats.isSymbolicLink()) return `symlink ${owner} -> ${readlinkSync(at)}`;
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isDirectory()) return `directory ${mode} ${owner}`;
  if (!stats.isFile()) return `special ${mode} ${owner}`;
  const same = inodes.get(stats.ino) ?? path;
  inodes.set(stats.ino, same);
  const digest = createHash('sha256').update(readFileSync(at)).digest('hex').slice(0, 16);
  const time = Math.floor(stats.mtimeMs / 1000);
  return `file ${mode} ${owner} ${stats.size} ${digest} ${time} as ${same}`;
}
