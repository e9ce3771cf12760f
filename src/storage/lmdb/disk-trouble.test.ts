import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { noFailpoints, silentLogger } from '../../runtime/index.ts';
import { append } from '../store.case.ts';
import { segmentKinds } from '../store.ts';
import { lockDataDir } from '../data-dir-lock.ts';
import { openLmdbStore, type LmdbStore } from './lmdb-store.ts';

const canMount = ((): boolean => {
  const probe = mkdtempSync(join(tmpdir(), 'sealpost-mount-'));
  const isMounted = spawnSync('/usr/bin/mount', ['-t', 'tmpfs', 'none', probe]).status === 0;
  if (isMounted) spawnSync('/usr/bin/umount', [probe]);
  rmSync(probe, { recursive: true, force: true });
  return isMounted;
})();

let disk: string;
let dataDir: string;
let store: LmdbStore | null = null;

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'sealpost-disk-'));
  dataDir = join(disk, 'data');
});
afterEach(async () => {
  await store?.close();
  store = null;
  if (canMount) spawnSync('/usr/bin/umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
});

const mebibyte = 1024 * 1024;
const body = new Uint8Array(100_000).fill(7);

const openStore = (options: { reserveBytes?: number; mapBytes?: number } = {}) =>
  openLmdbStore({
    dataDir,
    clock: new VirtualClock(),
    log: silentLogger,
    failpoints: noFailpoints,
    reserveBytes: mebibyte,
    ...options,
  });

const mount = (...args: string[]): void => {
  const { status, stderr } = spawnSync('/usr/bin/mount', [...args, disk]);
  expect(status, String(stderr)).toBe(0);
};

/** Publishes until the disk refuses; returns how many were answered. */
async function fillDisk(opened: LmdbStore): Promise<number> {
  for (let at = 0; ; at++) {
    try {
      expect(await opened.commit([append(1, at, { body })])).toEqual(['ok']);
    } catch (error) {
      expect(error).toMatchObject({ name: 'StorageError', fault: 'full' });
      return at;
    }
  }
}

describe.skipIf(!canMount)('a full disk (needs the right to mount)', () => {
  test('refuses messages and goes on with the rest; nothing answered is lost', async () => {
    mount('-t', 'tmpfs', '-o', 'size=12m', 'none');
    store = await openStore();
    await store.commit([append(2, 0, { kind: segmentKinds.ackDelta })]);
    await store.meta.txn([], [{ key: 'old', value: new Uint8Array(1) }]);
    const answered = await fillDisk(store);
    expect(answered).toBeGreaterThan(50);
    expect(existsSync(join(dataDir, 'reserve'))).toBe(false);
    expect(await store.tails([1])).toMatchObject([{ next: answered }]);

    for (let at = 1; at < 50; at++) {
      const ack = append(2, at, { kind: segmentKinds.ackDelta });
      expect(await store.commit([ack])).toEqual(['ok']);
    }
    await expect(store.commit([append(1, answered)])).rejects.toMatchObject({ fault: 'full' });
    const newRow = { key: 'new', value: new Uint8Array(1) };
    await expect(store.meta.txn([], [newRow])).rejects.toMatchObject({ fault: 'full' });
    const replaced = { key: 'old', value: null };
    const unmatched = [{ key: 'absent', value: null }, newRow];
    expect(await store.meta.txn([], [replaced, newRow])).toBe(true);
    await expect(
      store.meta.txn([], [{ ...newRow, key: 'another' }, ...unmatched]),
    ).rejects.toMatchObject({ fault: 'full' });
    await store.trim([{ log: 1, below: answered - 10 }]);
    expect(await store.own(1, 0)).toEqual({ epoch: 1 });
    expect(await store.read(1, answered - 10, 1e9)).toHaveLength(10);

    await store.close();
    store = await openStore();
    expect(await store.tails([1, 2])).toMatchObject([{ next: answered }, { next: 50 }]);
  });

  test('acks of the very transaction that found the disk full are kept', async () => {
    mount('-t', 'tmpfs', '-o', 'size=12m', 'none');
    store = await openStore();
    const opened = store;
    for (let at = 0; ; at++) {
      const message = opened.commit([append(1, at, { body })]).then(String, String);
      const ack = opened.commit([append(2, at, { kind: segmentKinds.ackDelta })]);
      expect(await ack).toEqual(['ok']);
      if ((await message) !== 'ok') break;
    }
    expect(existsSync(join(dataDir, 'reserve'))).toBe(false);
  });

  test('publishing resumes by itself once there is room', async () => {
    mount('-t', 'tmpfs', '-o', 'size=16m', 'none');
    mkdirSync(dataDir);
    const filler = join(disk, 'filler');
    writeFileSync(filler, new Uint8Array(6 * mebibyte));
    store = await openStore();
    const answered = await fillDisk(store);
    await expect(store.commit([append(1, answered)])).rejects.toMatchObject({ fault: 'full' });
    rmSync(filler);
    expect(await store.commit([append(1, answered, { body })])).toEqual(['ok']);
    const reserve = statSync(join(dataDir, 'reserve'));
    expect([reserve.size, reserve.blocks * 512]).toEqual([mebibyte, mebibyte]);
  });

  test('a store can be opened on a full disk, to read and to acknowledge', async () => {
    mount('-t', 'tmpfs', '-o', 'size=12m', 'none');
    store = await openStore();
    const answered = await fillDisk(store);
    await store.close();
    store = await openStore();
    expect(await store.read(1, 0, 1e9)).toHaveLength(answered);
    await expect(store.commit([append(1, answered)])).rejects.toMatchObject({ fault: 'full' });
    const ack = append(2, 0, { kind: segmentKinds.ackDelta });
    expect(await store.commit([ack])).toEqual(['ok']);
  });

  test('a read-only disk is refused by name', async () => {
    mount('-t', 'tmpfs', '-o', 'size=12m', 'none');
    store = await openStore();
    await store.commit([append(1, 0)]);
    await store.close();
    store = null;
    mount('-o', 'remount,ro');
    await expect(openStore()).rejects.toMatchObject({ fault: 'readOnly' });
    await expect(lockDataDir(dataDir, 'test')).rejects.toMatchObject({ fault: 'readOnly' });
    mount('-o', 'remount,rw');
    store = await openStore();
    expect(await store.read(1, 0, 1)).toHaveLength(1);
  });
});

test('the map grows under writes while reads are under way', async () => {
  store = await openStore({ mapBytes: 128 * 1024, reserveBytes: 4096 });
  const opened = store;
  const reads: Promise<number>[] = [];
  for (let at = 0; at < 300; at++) {
    const sent = opened.commit([append(1, at, { body, count: 1 })]);
    reads.push(opened.read(1, Math.max(0, at - 5), 1e9).then((found) => found.length));
    expect(await sent).toEqual(['ok']);
  }
  expect(Math.max(...(await Promise.all(reads)))).toBe(5);
  expect(await opened.read(1, 0, 1e9)).toHaveLength(300);
  expect(opened.stats().diskBytes).toBeGreaterThan(30_000_000);
});
