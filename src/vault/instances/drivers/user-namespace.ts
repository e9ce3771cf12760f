import { type ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { getgid, getuid } from 'node:process';
import type { Readable } from 'node:stream';
import { notFound, spawnProgram, unusable } from './host-program.ts';

/** How many ids an instance has, if it has its own. */
export const idsPerInstance = 65_536;

/** A user namespace in which no further one can be made. */
export interface UserNamespace {
  /** For whoever is to enter it. */
  readonly fd: number;
  /** As whom to enter it, outside: without any right there, and with all inside. */
  readonly entry: { readonly uid: number; readonly gid: number } | null;
  close(): void;
}

/** Ids outside of an instance's ids; `offset` null: the one id inside is ours. */
export interface IdMap {
  readonly offset: number | null;
  readonly uid: number;
  readonly gid: number;
}

/** It waits twice: for its maps, and for whoever has entered; and ends with our end of its input. */
const holderScript =
  'echo made && read -r mapped && echo 0 >/proc/sys/user/max_user_namespaces && echo limited && read -r entered';

/**
 * Makes a namespace whose ids 0 .. 65535 are `offset` .. outside; without root, just the one id.
 * It is made and entered by the last of those ids, so that no process of the host's root is ever
 * inside; the last and not the first, because leaving id 0 would cost it its capabilities.
 *
 * @throws RpcError FAILED_PRECONDITION if the machine does not allow user namespaces
 */
export async function openUserNamespace(map: IdMap): Promise<UserNamespace> {
  const { offset } = map;
  const last = offset === null ? null : offset + idsPerInstance - 1;
  const entry = last === null ? null : { uid: last, gid: last };
  const args = ['--user', '--keep-caps', '/bin/sh', '-c', holderScript];
  const holder = spawnProgram('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'], ...entry });
  holder.stdin?.on('error', () => undefined);
  try {
    const heard = listen(holder);
    await heard('made');
    mapIds(holder.pid!, map);
    holder.stdin?.write('\n');
    await heard('limited');
    const fd = openSync(`/proc/${holder.pid}/ns/user`, 'r');
    return { fd, entry, close: () => (closeSync(fd), end(holder)) };
  } catch (error) {
    end(holder);
    throw error;
  }
}

function end(holder: ChildProcess): void {
  holder.stdin?.end('\n');
}

function mapIds(pid: number, { offset, uid, gid }: IdMap): void {
  if (offset === null) {
    // Who is not root may map a group only after giving up setgroups.
    writeFileSync(`/proc/${pid}/setgroups`, 'deny');
    writeFileSync(`/proc/${pid}/uid_map`, `${uid} ${getuid?.()} 1`);
    writeFileSync(`/proc/${pid}/gid_map`, `${gid} ${getgid?.()} 1`);
    return;
  }
  writeFileSync(`/proc/${pid}/uid_map`, `0 ${offset} ${idsPerInstance}`);
  writeFileSync(`/proc/${pid}/gid_map`, `0 ${offset} ${idsPerInstance}`);
}

/** Resolves when the holder said a word; rejects when it ended instead. */
function listen(holder: ChildProcess): (word: string) => Promise<void> {
  const heard = {
    words: '',
    errors: '',
    failure: null as Error | null,
    look: [] as (() => void)[],
  };
  const tell = (): void => heard.look.forEach((look) => look());
  const add = (stream: Readable | null, key: 'words' | 'errors'): void => {
    stream?.on('data', (chunk: Buffer) => {
      heard[key] = `${heard[key]}${chunk.toString('latin1')}`.slice(0, 4096);
      tell();
    });
  };
  add(holder.stdout, 'words');
  add(holder.stderr, 'errors');
  const fail = (error: Error): void => {
    heard.failure ??= error;
    tell();
  };
  holder.once('error', (error) => fail(notFound('unshare (util-linux)', error)));
  holder.once('close', () => fail(unusable(refusal(heard.errors))));
  return (word) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (heard.words.includes(`${word}\n`)) resolve();
        else if (heard.failure !== null) reject(heard.failure);
      };
      heard.look.push(look);
      look();
    });
}

function refusal(errors: string): string {
  const detail = errors.trim() === '' ? '' : `: ${errors.trim()}`;
  return `Instances need user namespaces, which this machine refuses${detail}.`;
}
