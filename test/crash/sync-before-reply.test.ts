import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  durableCommits,
  firstWrite,
  isWithin,
  replyBegun,
  requestRead,
  type DurableCommit,
} from './durable-order.ts';
import { GrpcClient } from './grpc-client.ts';
import type { PubsubClient } from './pubsub-client.ts';
import { RestClient } from './rest-client.ts';
import { programChild, sealpostChild, type ServerChild } from './server-child.ts';
import {
  canTrace,
  parseTrace,
  syncedDescriptors,
  SyscallTrace,
  type Syscall,
} from './syscall-trace.ts';

const topic = 'projects/traced/topics/orders';
const oneByOne = 12;
const atOnce = 48;

interface Publish {
  readonly mark: string;
  readonly messageId: string;
  readonly isAlone: boolean;
}

interface Observed {
  readonly calls: Syscall[];
  readonly publishes: Publish[];
  /** The commits of the store and of the keys that were durable. */
  readonly stored: DurableCommit[];
  readonly keyed: DurableCommit[];
  readonly storeFile: string;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-trace-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function publish(client: PubsubClient, mark: string, isAlone: boolean): Promise<Publish> {
  const message = { data: Buffer.from('traced'), attributes: { mark } };
  const [messageId = ''] = await client.publish(topic, [message]);
  return { mark, messageId, isAlone };
}

/** Publishes to a traced server, each in turn and then all at once, over both protocols. */
async function observe(server: ServerChild, files: { store: string; keys: string }) {
  const url = await server.url();
  const clients = [new RestClient(url), new GrpcClient(url)];
  const pid = server.child.pid!;
  const fds = readdirSync(`/proc/${pid}/fd`);
  const syncedOf = (file: string): number[] => syncedDescriptors(pid, file, fds);
  const synced = { store: syncedOf(files.store), keys: syncedOf(files.keys) };
  const trace = await SyscallTrace.attach(pid, join(folder, `${pid}.trace`));
  await clients[0]!.createTopic(topic);
  const publishes: Publish[] = [];
  for (let i = 0; i < oneByOne; i++) {
    publishes.push(
      await publish(clients[i % 2]!, `MARK-ALONE-${String(i).padStart(3, '0')}`, true),
    );
  }
  const together = Array.from({ length: atOnce }, (_, i) =>
    publish(clients[i % 2]!, `MARK-CROWD-${String(i).padStart(3, '0')}`, false),
  );
  publishes.push(...(await Promise.all(together)));
  for (const client of clients) client.close();
  server.kill('SIGKILL');
  await server.ended;
  const calls = await trace.finish();
  return {
    calls,
    publishes,
    stored: durableCommits(calls, files.store, synced.store),
    keyed: durableCommits(calls, files.keys, synced.keys),
    storeFile: files.store,
  };
}

/** The publishes that were answered although no commit of theirs was on disk yet. */
function answeredTooSoon({ calls, publishes, stored }: Observed): string[] {
  return publishes
    .filter(({ mark, messageId }) => {
      const read = requestRead(calls, mark);
      const replied = replyBegun(calls, messageId);
      return !stored.some((commit) => isWithin(commit, read, replied));
    })
    .map(({ mark }) => mark);
}

describe.skipIf(!canTrace())('the order of syncs and replies (needs strace)', () => {
  let honest: Observed;
  let unsynced: Observed;

  beforeAll(async () => {
    const dataDir = join(folder, 'honest');
    const files = { store: `${dataDir}/store/data.mdb`, keys: `${dataDir}/keys/data.mdb` };
    honest = await observe(sealpostChild(dataDir), files);
    const bare = join(folder, 'bare');
    unsynced = await observe(
      programChild(new URL('./unsynced-server.ts', import.meta.url), [bare]),
      {
        store: `${bare}/unsynced/store/data.mdb`,
        keys: `${bare}/keys/data.mdb`,
      },
    );
  }, 120_000);

  test('every publish is answered only after the sync of its commit was over', () => {
    expect(honest.publishes).toHaveLength(oneByOne + atOnce);
    expect(answeredTooSoon(honest)).toEqual([]);
  });

  test('one publish at a time is one commit each, so that none is credited to another', () => {
    const { calls, publishes, stored } = honest;
    for (const { mark, messageId } of publishes.filter(({ isAlone }) => isAlone)) {
      const [read, replied] = [requestRead(calls, mark), replyBegun(calls, messageId)];
      expect(stored.filter((commit) => isWithin(commit, read, replied))).toHaveLength(1);
    }
  });

  test('publishes at once share their syncs', () => {
    const { calls, publishes, stored } = honest;
    const crowd = publishes.filter(({ isAlone }) => !isAlone);
    const from = Math.min(...crowd.map(({ mark }) => requestRead(calls, mark)));
    const during = stored.filter(({ begin }) => begin > from);
    expect(during.length).toBeGreaterThan(0);
    expect(during.length).toBeLessThan(atOnce);
  });

  test("the row of a topic's DEK is on disk before the first data is written under it", () => {
    const { calls, publishes, keyed, storeFile } = honest;
    const [first, second] = publishes as [Publish, Publish];
    const precedes = ({ mark }: Publish, since: number): boolean => {
      const written = firstWrite(calls, storeFile, requestRead(calls, mark));
      expect(written).toBeLessThan(Infinity);
      return keyed.some((commit) => isWithin(commit, since, written));
    };
    expect(precedes(first, requestRead(calls, '/topics/orders'))).toBe(true);
    // The same question has another answer where there was no new DEK.
    expect(precedes(second, requestRead(calls, second.mark))).toBe(false);
  });

  test('a build that does not sync is caught: all its answers come too soon', () => {
    expect(unsynced.publishes).toHaveLength(oneByOne + atOnce);
    expect(answeredTooSoon(unsynced)).toEqual(unsynced.publishes.map(({ mark }) => mark));
  });
});

describe('the reading of a trace', () => {
  const file = '/d/data.mdb';
  const pages = `1 pwrite64(5<${file}>, "p", 1, 0) = 1`;
  const meta = `1 pwrite64(6<${file}>, "m", 1, 0) = 1`;
  const commitsOf = (...lines: string[]) => durableCommits(parseTrace(lines.join('\n')), file, [6]);

  test('pages, a sync and a synced meta page make a commit', () => {
    const commits = commitsOf(pages, `1 fdatasync(5<${file}>) = 0`, meta);
    expect(commits).toEqual([{ begin: 0, end: 2 }]);
  });

  test('a sync that failed, is missing or came before the last page makes none', () => {
    expect(commitsOf(pages, `1 fdatasync(5<${file}>) = -1 EIO (Input/output error)`, meta)).toEqual(
      [],
    );
    expect(commitsOf(pages, meta)).toEqual([]);
    expect(commitsOf(pages, `1 fdatasync(5<${file}>) = 0`, pages, meta)).toEqual([]);
  });

  test('a call that another thread interrupts lasts until it is resumed', () => {
    const commits = commitsOf(
      pages,
      `1 fdatasync(5<${file}> <unfinished ...>`,
      '2 read(9<socket:[1]>, "x", 1) = 1',
      '1 <... fdatasync resumed>) = 0',
      meta,
    );
    expect(commits).toEqual([{ begin: 0, end: 4 }]);
    const early = commitsOf(
      `1 fdatasync(5<${file}> <unfinished ...>`,
      `2 pwrite64(5<${file}>, "p", 1, 0) = 1`,
      '1 <... fdatasync resumed>) = 0',
      meta,
    );
    expect(early).toEqual([]);
  });
});
