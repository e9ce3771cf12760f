import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { startServer } from '../../src/server.ts';
import { RestClient } from '../crash/rest-client.ts';
import { runCli } from '../support/cli-process.ts';
import { LiveServer } from '../support/live-server.ts';
import type { BackupView } from './backup-load.ts';

const hourMs = 3_600_000;
const topic = 'projects/shop/topics/orders';
const subscription = 'projects/shop/subscriptions/kitchen';
const path = '/sealpost/v1/backups';

const canMount = ((): boolean => {
  const probe = mkdtempSync(join(tmpdir(), 'sealpost-mount-'));
  const isMounted = spawnSync('/usr/bin/mount', ['-t', 'tmpfs', 'none', probe]).status === 0;
  if (isMounted) spawnSync('/usr/bin/umount', [probe]);
  rmSync(probe, { recursive: true, force: true });
  return isMounted;
})();

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function live(more: readonly string[] = []): Promise<[LiveServer, RestClient]> {
  const server = new LiveServer(more);
  await server.start();
  const client = new RestClient(server.url);
  undo.push(async () => {
    client.close();
    await server.remove();
  });
  await client.createTopic(topic);
  await client.createSubscription(subscription, topic);
  return [server, client];
}

async function publish(client: RestClient, text: string, bytes = 0): Promise<void> {
  const data = Buffer.from(text.padEnd(bytes, '.'));
  await client.publish(topic, [{ data, attributes: { text }, orderingKey: '' }]);
}

async function ended(client: RestClient): Promise<BackupView> {
  let view = await client.call<BackupView>('GET', path);
  while (view.state === 'running') view = await client.call<BackupView>('GET', path);
  return view;
}

test('a backup amid DEKs that are replaced every six hours opens every message', async () => {
  const [server, client] = await live();
  const folder = dirname(server.dataDir);
  for (let i = 0; i < 40; i++) await publish(client, `early ${i}`, 400_000);
  let isOver = false;
  let days = 0;
  const rotating = (async () => {
    for (; !isOver; days++) {
      await server.pass(6 * hourMs);
      await publish(client, `later ${days}`);
    }
  })();
  while (days < 4) await publish(client, `steady ${days}`);
  const directory = join(folder, 'backup');
  const begun = days;
  await client.call('POST', path, { directory });
  expect(await ended(client)).toMatchObject({ state: 'done' });
  while (days < begun + 3) await publish(client, 'after');
  isOver = true;
  await rotating;
  await server.stop();

  const dataDir = join(folder, 'restored');
  expect((await runCli(['restore', directory, '--data-dir', dataDir])).code).toBe(0);
  mkdirSync(`${dataDir}-keys`, { mode: 0o700 });
  copyFileSync(`${server.dataDir}-keys/root-key`, `${dataDir}-keys/root-key`);
  const config = parseConfig(['--port', '0', '--data-dir', dataDir, '--drain-seconds', '1'], {});
  const restored = await startServer(config, { clock: server.clock, log: silentLogger });
  undo.push(() => restored.stop());
  const second = new RestClient(restored.url);
  undo.push(() => second.close());
  const owed = new Set(Array.from({ length: 40 }, (_, i) => `early ${i}`));
  for (let day = 0; day < begun; day++) owed.add(`later ${day}`);
  for (let idle = 0; owed.size > 0 && idle < 30;) {
    const messages = await second.pull(subscription, 1000);
    idle = messages.length > 0 ? 0 : idle + 1;
    for (const { attributes } of messages) owed.delete(attributes['text']!);
  }
  expect([...owed]).toEqual([]);
});

test('ack ids of the original mean nothing to a restored copy', async () => {
  const [server, client] = await live();
  const folder = dirname(server.dataDir);
  await publish(client, 'of both');
  const directory = join(folder, 'backup');
  await client.call('POST', path, { directory });
  await ended(client);
  // Another message at the place that the copy, too, gives out next; in lives of the same number.
  await publish(client, 'of the original alone');
  await server.restart();
  const pulled = await client.pull(subscription, 10);
  expect(pulled).toHaveLength(2);
  await server.stop();

  const dataDir = join(folder, 'restored');
  await runCli(['restore', directory, '--data-dir', dataDir]);
  mkdirSync(`${dataDir}-keys`, { mode: 0o700 });
  copyFileSync(`${server.dataDir}-keys/root-key`, `${dataDir}-keys/root-key`);
  const config = parseConfig(['--port', '0', '--data-dir', dataDir, '--drain-seconds', '1'], {});
  const restored = await startServer(config, { clock: server.clock, log: silentLogger });
  undo.push(() => restored.stop());
  const copy = new RestClient(restored.url);
  undo.push(() => copy.close());
  await publish(copy, 'of the copy alone');
  const ackIds = pulled.map(({ ackId }) => ackId);
  await copy.acknowledge(subscription, ackIds).catch(() => undefined);
  const texts = (await copy.pull(subscription, 10)).map(({ attributes }) => attributes['text']);
  expect(new Set(texts)).toEqual(new Set(['of both', 'of the copy alone']));
});

describe.skipIf(!canMount)('a disk (needs mount)', () => {
  /** A file system of so many bytes. */
  function disk(bytes: number, ...options: string[]): string {
    const folder = mkdtempSync(join(tmpdir(), 'sealpost-disk-'));
    const argv = ['-t', 'tmpfs', '-o', [`size=${bytes}`, ...options].join(','), 'none', folder];
    expect(spawnSync('/usr/bin/mount', argv).status).toBe(0);
    undo.push(() => {
      spawnSync('/usr/bin/umount', ['-l', folder]);
      rmSync(folder, { recursive: true, force: true });
    });
    return folder;
  }

  test('that is too small, or read only, is refused before anything is written', async () => {
    const [, client] = await live();
    const small = join(disk(32 * 1024 * 1024), 'backup');
    await expect(client.call('POST', path, { directory: small })).rejects.toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining(small),
    });
    const sealed = join(disk(256 * 1024 * 1024, 'ro'), 'backup');
    await expect(client.call('POST', path, { directory: sealed })).rejects.toMatchObject({
      status: 'INVALID_ARGUMENT',
      message: expect.stringContaining('read-only file system'),
    });
    await publish(client, 'goes on');
  });

  test('that fills up meanwhile ends the backup, by name, and nothing else', async () => {
    const [, client] = await live();
    for (let i = 0; i < 60; i++) await publish(client, `message ${i}`, 1_000_000);
    const target = disk(256 * 1024 * 1024);
    const directory = join(target, 'backup');
    // As soon as it is written to, whatever is left goes to somebody else.
    await client.call('POST', path, { directory });
    const { bavail, bsize } = statfsSync(target);
    writeFileSync(join(target, 'hog'), Buffer.alloc(Math.max(0, bavail * bsize - 8 * 1024 * 1024)));
    const { state, error } = await ended(client);
    expect([state, error]).toEqual(['failed', expect.stringContaining(directory)]);
    expect(readdirSync(target)).toEqual(['hog']);
    await publish(client, 'goes on');
    rmSync(join(target, 'hog'));
    await client.call('POST', path, { directory });
    expect((await ended(client)).state).toBe('done');
  });
});
