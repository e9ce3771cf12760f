import { closeSync, openSync, readSync } from 'node:fs';
import { RpcError } from '../../rpc/index.ts';
import { placeInTree } from './drivers/tree-path.ts';

/** As whom an image's program runs, inside. */
export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  /** Of /etc/passwd; `/` if it has none. */
  readonly home: string;
}

interface PasswordLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The last id that an instance has. */
const idMax = 65_535;
/** A longer /etc/passwd is read so far: it is the image's, and could be anything. */
const fileBytesMax = 1 << 20;

/**
 * The `User` of an image's config: `uid`, `name`, `uid:gid`, `name:group` and so on; empty is root.
 * Names are looked up in the tree, whose links lead nowhere out of it.
 *
 * @throws RpcError FAILED_PRECONDITION for a name that the tree does not know, and for an id above 65535
 */
export function imageUserOf(root: string, user: string): ImageUser {
  const [name = '', group = ''] = user.split(':', 2);
  const users = passwordLines(root);
  const uid = idOf(name || '0');
  const line = users.find((each) => each.uid === uid || (uid === null && each.name === name));
  const id = uid ?? line?.uid;
  if (id === undefined) throw unknown('user', name);
  const gid = group === '' ? (line?.gid ?? 0) : groupId(root, group);
  if (id > idMax || gid > idMax) throw unknown('user', user);
  return { uid: id, gid, home: homeOf(line) };
}

function homeOf(line: PasswordLine | undefined): string {
  return line?.home || '/';
}

function groupId(root: string, group: string): number {
  const id = idOf(group);
  if (id !== null) return id;
  const fields = linesOf(root, '/etc/group').find(([name]) => name === group);
  const found = fields === undefined ? null : idOf(fields[2] ?? '');
  if (found === null) throw unknown('group', group);
  return found;
}

function passwordLines(root: string): PasswordLine[] {
  return linesOf(root, '/etc/passwd').flatMap(([name, , uid, gid, , home]) => {
    const [userId, groupId] = [idOf(uid ?? ''), idOf(gid ?? '')];
    if (!name || userId === null || groupId === null) return [];
    return [{ name, uid: userId, gid: groupId, home: home ?? '' }];
  });
}

function linesOf(root: string, path: string): string[][] {
  const place = placeInTree(root, path);
  if (!place?.stats?.isFile()) return [];
  return startOf(place.path)
    .split('\n')
    .map((line) => line.split(':'));
}

function startOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(fileBytesMax);
    return bytes.toString('utf8', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

function idOf(text: string): number | null {
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : null;
}

function unknown(what: 'user' | 'group', name: string): RpcError {
  return new RpcError(
    'FAILED_PRECONDITION',
    'IMAGE_USER_UNKNOWN',
    `The image's ${what} ${JSON.stringify(name.slice(0, 100))} is not in its /etc/${what === 'user' ? 'passwd' : 'group'}, or its id is above ${idMax}.`,
  );
}
