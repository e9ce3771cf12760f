import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { noFailpoints, silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { openLmdbKeyStore, openLmdbStore } from '../../src/storage/index.ts';
import { marker } from './payload.ts';

/** Segments that one directory ever named by an id, as `log at epoch count timeMs kind digest`. */
export type SeenIds = Map<string, string>;

/** What a victim wrote down before it died. */
export interface Journal {
  readonly keys: readonly string[];
  readonly appends: readonly { readonly id: string; readonly place: string }[];
  /** The failpoint at which it killed itself. */
  readonly killedAt: string | null;
}

export function readJournal(path: string): Journal {
  const keys: string[] = [];
  const appends: { id: string; place: string }[] = [];
  let killedAt: string | null = null;
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  for (const line of text.split('\n')) {
    const [word = '', first = '', ...rest] = line.split(' ');
    if (word === 'key') keys.push(first);
    if (word === 'append') appends.push({ id: first, place: rest.join(' ') });
    if (word === 'killed') killedAt = first;
  }
  return { keys, appends, killedAt };
}

/** Ids that were given to the store for other bytes, or another place, than before. */
export function reusedIds(seen: SeenIds, journal: Journal): string[] {
  const reused: string[] = [];
  for (const { id, place } of journal.appends) {
    const known = seen.get(id);
    if (known !== undefined && known !== place) reused.push(`${id}: ${known} and ${place}`);
    seen.set(id, place);
  }
  return reused;
}

/** Stored segments that are not, byte for byte and in place, what was given to the store. */
export async function strayedSegments(
  dataDir: string,
  scratch: string,
  logsMax: number,
  seen: SeenIds,
): Promise<string[]> {
  if (!copyEnvironment(join(dataDir, 'store'), join(scratch, 'store'))) return [];
  const options = { clock: new SystemClock(), log: silentLogger, failpoints: noFailpoints };
  const store = await openLmdbStore({ ...options, dataDir: scratch, reserveBytes: 0 });
  const strayed: string[] = [];
  const logs = Array.from({ length: logsMax }, (_, log) => log + 1);
  for (const [i, { next, trim }] of (await store.tails(logs)).entries()) {
    for (let at = trim; at < next;) {
      const segments = await store.read(logs[i]!, at, 1 << 20);
      for (const { log, base, epoch, count, timeMs, kind, id, body } of segments) {
        const digest = createHash('sha256').update(body).digest('hex');
        const name = Buffer.from(id).toString('hex');
        const place = [log, base, epoch, count, timeMs, kind, digest].join(' ');
        if (seen.get(name) !== place) strayed.push(`${name}: ${place} was ${seen.get(name)}`);
        at = base + count;
      }
      if (segments.length === 0) {
        strayed.push(`log ${logs[i]} has nothing at ${at} of ${trim} to ${next}`);
        break;
      }
    }
  }
  await store.close();
  rmSync(scratch, { recursive: true, force: true });
  return strayed;
}

/** How many topics have a DEK in the environment of the keys. */
export async function topicsWithDek(dataDir: string, scratch: string): Promise<number> {
  if (!copyEnvironment(join(dataDir, 'keys'), join(scratch, 'keys'))) return 0;
  const path = join(scratch, 'keys');
  const options = { clock: new SystemClock(), log: silentLogger, failpoints: noFailpoints };
  const rows = await openLmdbKeyStore({ ...options, path });
  const found = new Set((await rows.list('dek/')).map(({ key }) => key.split('/')[1]));
  await rows.close();
  rmSync(scratch, { recursive: true, force: true });
  return found.size;
}

/** A copy, so that looking changes nothing of what the next life will find. */
function copyEnvironment(from: string, to: string): boolean {
  if (!existsSync(join(from, 'data.mdb'))) return false;
  mkdirSync(to, { recursive: true });
  copyFileSync(join(from, 'data.mdb'), join(to, 'data.mdb'));
  return true;
}

/** Files in which a message's text, its base64 or a key lies open. */
export function openSecrets(folders: readonly string[], keys: Iterable<string>): string[] {
  const texts = [Buffer.from(marker), Buffer.from(Buffer.from(marker).toString('base64'))];
  const needles = new Map<number, Buffer[]>();
  for (const key of keys) {
    const bytes = Buffer.from(key, 'hex');
    const head = bytes.readUInt32LE(0);
    needles.set(head, [...(needles.get(head) ?? []), bytes]);
  }
  const found: string[] = [];
  for (const path of folders.flatMap(filesOf)) {
    const bytes = readFileSync(path);
    if (texts.some((text) => bytes.includes(text))) found.push(`${path} holds plaintext`);
    if (!path.endsWith('/root-key') && holdsKey(bytes, needles)) found.push(`${path} holds a key`);
  }
  return found;
}

/** One pass over the file for all keys together. */
function holdsKey(bytes: Buffer, needles: ReadonlyMap<number, readonly Buffer[]>): boolean {
  let head = 0;
  for (let i = 0; i < bytes.length; i++) {
    head = (head >>> 8) | (bytes[i]! << 24);
    const candidates = i >= 3 ? needles.get(head >>> 0) : undefined;
    if (candidates?.some((key) => key.equals(bytes.subarray(i - 3, i + 29)))) return true;
  }
  return false;
}

/** All but the reserve: random bytes of no meaning, 16 MiB of them. */
function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'reserve')
    .map((entry) => join(entry.parentPath, entry.name));
}
