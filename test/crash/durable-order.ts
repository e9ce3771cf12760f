import type { Syscall } from './syscall-trace.ts';

/** Lines of the trace between which a transaction went to the disk, and stayed there. */
export interface DurableCommit {
  readonly begin: number;
  readonly end: number;
}

const writes: ReadonlySet<string> = new Set(['write', 'writev', 'pwrite64', 'pwritev']);
const replies: ReadonlySet<string> = new Set(['write', 'writev', 'sendto', 'sendmsg']);
const requests: ReadonlySet<string> = new Set(['read', 'recvfrom', 'recvmsg']);

/**
 * The transactions of one LMDB file that were durable, by how LMDB makes them so: pages written,
 * all of them synced, and then the meta page that makes them count, written through a descriptor
 * that syncs by itself or followed by a sync of its own.
 */
export function durableCommits(
  calls: readonly Syscall[],
  file: string,
  synced: readonly number[],
): DurableCommit[] {
  const commits: DurableCommit[] = [];
  let begin: number | null = null;
  let lastWrite = -1;
  let syncedUpTo = -1;
  for (const call of calls.filter(({ target }) => target === file)) {
    if (writes.has(call.name) && synced.includes(call.fd)) {
      if (begin !== null && syncedUpTo > lastWrite && call.result > 0) {
        commits.push({ begin, end: call.end });
        begin = null;
      }
    } else if (writes.has(call.name)) {
      begin ??= call.begin;
      lastWrite = call.end;
    } else if (call.name === 'fdatasync' || call.name === 'fsync') {
      if (call.result === 0 && call.begin > lastWrite) syncedUpTo = call.end;
    }
  }
  return commits;
}

/** The line on which a request with this text in it had been read from a client. */
export function requestRead(calls: readonly Syscall[], text: string): number {
  const found = calls.find(
    (call) => requests.has(call.name) && isSocket(call) && call.text.includes(text),
  );
  if (!found) throw new Error(`the trace shows no request with ${text}`);
  return found.end;
}

/** The line on which the first reply with this text in it began to be written to a client. */
export function replyBegun(calls: readonly Syscall[], text: string): number {
  const found = calls.find(
    (call) => replies.has(call.name) && isSocket(call) && call.text.includes(text),
  );
  if (!found) throw new Error(`the trace shows no reply with ${text}`);
  return found.begin;
}

export function isWithin(commit: DurableCommit, after: number, before: number): boolean {
  return commit.begin > after && commit.end < before;
}

/** The line on which the first page of `file` was written after `after`; infinite if none was. */
export function firstWrite(calls: readonly Syscall[], file: string, after: number): number {
  const found = calls.find(
    ({ name, target, begin }) => target === file && writes.has(name) && begin > after,
  );
  return found?.begin ?? Infinity;
}

const isSocket = ({ target }: Syscall): boolean => /^(socket|TCP)/.test(target);
