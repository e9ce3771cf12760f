import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Chance } from '../support/chance.ts';
import { runCli } from '../support/cli-process.ts';
import { BackupLoad, type Followed, plainMark, setVersionState } from './backup-load.ts';

const seed = Number(process.env['BACKUP_SEED'] ?? 7);
let load: BackupLoad;

afterEach(async () => {
  await load.kill();
  load.remove();
});

function newLoad(round: number): BackupLoad {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-backup-'));
  return new BackupLoad(folder, new Chance(seed + round));
}

/** What a restored server must, and must not, deliver of a subscription. */
interface Promised {
  readonly of: Followed;
  readonly published: ReadonlySet<string>;
  readonly acked: ReadonlySet<string>;
}

const promisesNow = (): Promised[] =>
  load.followed.map((of) => ({
    of,
    published: new Set(of.published),
    acked: new Set(of.acked),
  }));

interface Verified {
  readonly state: string;
  readonly parts: readonly { readonly part: string; readonly verifiedCount: number }[];
  readonly findings: readonly { readonly kind: string }[];
}

async function verified(): Promise<Verified> {
  const path = '/sealpost/v1/verification';
  let report = await load.client.call<Verified>('POST', `${path}:start`, {});
  while (report.state === 'running') report = await load.client.call<Verified>('GET', path);
  return report;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test.each([1, 2, 3])(
  `a backup amid publishers, acks, topics that come and go, and keys that change is restored whole, round %i (BACKUP_SEED=${seed})`,
  async (round) => {
    load = newLoad(round);
    const chance = new Chance(seed * 100 + round);
    await load.start();
    await load.fill(40);
    load.work();
    await load.until('publish', 80 + chance.below(60));
    for (const kind of ['ack', 'topic', 'key', 'rewrap'] as const) await load.until(kind, 2);

    const before = { ...load.done };
    const promised = promisesNow();
    const backup = join(load.folder, 'backup');
    const view = await load.backUp(backup);
    const during = { ...load.done };
    expect(view).toMatchObject({ state: 'done', directory: backup });
    expect(Number(view.bytes)).toBeGreaterThan(20_000_000);
    expect(view.bytes).toBe(view.totalBytes);
    // The server went on with its work meanwhile, and goes on.
    expect(during.publish).toBeGreaterThan(before.publish);
    await load.until('publish', during.publish + 10);
    await load.until('topic', during.topic + 2);
    await load.kill();

    expect((await runCli(['restore', '--check', backup])).code).toBe(0);
    const restored = join(load.folder, 'restored');
    const { code, stdout } = await runCli(['restore', backup, '--data-dir', restored]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('restored-keys/root-key is not there'),
    ]);
    load.lendRootKey(restored);
    await load.start(restored);

    const { state, findings, parts } = await verified();
    expect([state, findings.filter(({ kind }) => kind === 'damaged')]).toEqual(['done', []]);
    const messages = parts.find(({ part }) => part === 'messages')!;
    expect(messages.verifiedCount).toBeGreaterThan(1_000);

    await setVersionState(load.client, 'ENABLED');
    for (const { of, published, acked } of promised) {
      const owed = new Set([...published].filter((serial) => !of.released.has(serial)));
      expect(owed.size).toBeGreaterThan(0);
      const got = await load.drain(of, owed);
      expect([...owed].filter((serial) => !got.has(serial))).toEqual([]);
      expect([...got].filter((serial) => acked.has(serial))).toEqual([]);
      expect([...got].filter((serial) => !of.sent.has(serial))).toEqual([]);
    }
    // It is a server like any other: it works, and can be copied again.
    load.work();
    await load.until('publish', load.done.publish + 20);
    expect((await load.backUp(join(load.folder, 'second'))).state).toBe('done');
  },
);

test('a backup holds neither the root key nor a word in the clear, and is its owner alone', async () => {
  load = newLoad(0);
  await load.start();
  await load.fill(4);
  const backup = join(load.folder, 'backup');
  expect((await load.backUp(backup)).state).toBe('done');
  const rootKey = readFileSync(join(`${load.dataDir}-keys`, 'root-key'));
  const secret = rootKey.subarray(37, 37 + 32);
  const files = filesBelow(backup);
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) {
    const bytes = readFileSync(file);
    expect(bytes.includes(secret)).toBe(false);
    expect(bytes.includes(plainMark)).toBe(false);
    expect(bytes.includes('xxxxxxxxxxxxxxxx')).toBe(false);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  for (const folder of ['', 'store', 'keys', 'audit', 'audit/store']) {
    expect(statSync(join(backup, folder)).mode & 0o777).toBe(0o700);
  }
  // Where the key lies in its file: else the search above proves nothing.
  expect(rootKey.subarray(0, 21).toString()).toBe('sealpost root key v1\n');
  expect(rootKey).toHaveLength(21 + 16 + 32 + 32);
});

/** A backup that was quicker than what was to end it: whole, or nothing was promised. */
async function takeAway(backup: string): Promise<void> {
  expect((await runCli(['restore', '--check', backup])).code).toBe(0);
  rmSync(backup, { recursive: true });
}

test('a server that is killed amid a backup leaves none, and the next one works', async () => {
  load = newLoad(0);
  await load.start();
  await load.fill(60);
  const backup = join(load.folder, 'backup');
  for (let isAmid = false; !isAmid;) {
    await load.client.call('POST', '/sealpost/v1/backups', { directory: backup });
    await load.kill();
    isAmid = !existsSync(backup);
    if (!isAmid) await takeAway(backup);
    await load.start();
  }
  expect(readdirSync(load.folder)).toContain('backup.partial');
  expect((await load.backUp(backup)).state).toBe('done');
  expect(readdirSync(load.folder)).not.toContain('backup.partial');
  await takeAway(backup);
});

test('a backup is stopped, or ends with its server, without a trace', async () => {
  load = newLoad(0);
  await load.start();
  await load.fill(60);
  const backup = join(load.folder, 'backup');
  const path = '/sealpost/v1/backups';
  for (let state = ''; state !== 'stopped';) {
    await load.client.call('POST', path, { directory: backup });
    ({ state } = await load.client.call<{ state: string }>('POST', `${path}:stop`, {}));
    if (state !== 'stopped') await takeAway(backup);
  }
  expect(readdirSync(load.folder).toSorted()).toEqual(['data', 'data-keys']);
  await load.client.call('POST', path, { directory: backup });
  const { code } = await load.server.stop('SIGTERM');
  expect(code).toBe(0);
  if (existsSync(backup)) await takeAway(backup);
  expect(readdirSync(load.folder).toSorted()).toEqual(['data', 'data-keys']);
});

test('the wrong root key is refused by both ids, and the restored keys stay what they are', async () => {
  load = newLoad(0);
  await load.start();
  await load.fill(2);
  const backup = join(load.folder, 'backup');
  await load.backUp(backup);
  const other = join(load.folder, 'other');
  const first = load.server;
  await load.start(other);
  await load.kill();
  await first.stop('SIGKILL');
  mkdirSync(join(load.folder, 'empty'));
  const restored = join(load.folder, 'empty');
  const keys = ['--data-dir', restored, '--keys-dir', `${other}-keys`];
  const { code, stdout } = await runCli(['restore', backup, ...keys]);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /A start needs the root key [0-9a-f]{32}, and \S+ is another, [0-9a-f]{32}/,
  );
  const serve = await runCli(['serve', '--port', '0', ...keys]);
  expect(serve.code).toBe(1);
  expect(serve.stderr).toMatch(/Wrong root key: .*[0-9a-f]{32}/);
  load.lendRootKey(restored);
  await load.start(restored);
  const [sealed] = load.followed as [Followed];
  expect(await load.drain(sealed, sealed.published)).toEqual(sealed.published);
});
