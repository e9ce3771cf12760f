import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { noFailpoints, silentLogger } from '../../runtime/index.ts';
import { append } from '../store.case.ts';
import { openLmdbKeyStore } from './lmdb-key-store.ts';
import { openLmdbStore, type LmdbStore } from './lmdb-store.ts';
import { openStoppedData } from './stopped-sources.ts';

let folder: string;
let store: LmdbStore;
const ports = { clock: new VirtualClock(), log: silentLogger, failpoints: noFailpoints };
const body = new Uint8Array(30_000).fill(5);

const openStore = (dataDir: string): Promise<LmdbStore> =>
  openLmdbStore({ ...ports, dataDir, reserveBytes: 4096 });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-snapshot-'));
  store = await openStore(join(folder, 'live'));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const copyPath = (name: string): string => {
  mkdirSync(join(folder, name, 'store'), { recursive: true });
  return join(folder, name, 'store', 'data.mdb');
};

test('a snapshot is what was stored when it was taken, whatever is written while it is copied', async () => {
  await store.commit(Array.from({ length: 100 }, (_, at) => append(1, at, { body })));
  await store.meta.txn([], [{ key: 'row', value: Uint8Array.of(1) }]);
  const snapshot = await store.snapshot();
  let next = 100;
  const path = copyPath('copy');
  const copied = await snapshot.copyTo(path, async () => {
    // Frees pages of the snapshot and writes new ones: those that are free, the file's end.
    await store.trim([{ log: 1, below: next - 50 }]);
    await store.commit(Array.from({ length: 20 }, (_, i) => append(1, next + i, { body })));
    await store.meta.txn([], [{ key: 'row', value: Uint8Array.of(2) }]);
    next += 20;
  });
  snapshot.release();
  expect(next).toBeGreaterThan(200);
  expect(copied.bytes).toBe(snapshot.bytes);
  const written = readFileSync(path);
  expect(written).toHaveLength(copied.bytes);
  expect(createHash('sha256').update(written).digest('hex')).toBe(copied.sha256);
  expect(statSync(path).mode & 0o777).toBe(0o600);

  const copy = await openStore(join(folder, 'copy'));
  expect(await copy.tails([1])).toMatchObject([{ trim: 0, next: 100 }]);
  const segments = await copy.read(1, 0, 1e9);
  expect(segments).toHaveLength(100);
  for (const segment of segments) expect(Buffer.compare(segment.body, body)).toBe(0);
  expect([...(await copy.meta.get('row'))!.value]).toEqual([1]);
  expect(await copy.commit([append(1, 100)])).toEqual(['ok']);
  await copy.close();
  expect(await store.tails([1])).toMatchObject([{ next }]);
});

test('pages are used again once a snapshot is released', async () => {
  const fill = async (from: number): Promise<void> => {
    await store.commit(Array.from({ length: 50 }, (_, i) => append(1, from + i, { body })));
    await store.trim([{ log: 1, below: from + 49 }]);
  };
  await fill(0);
  (await store.snapshot()).release();
  const before = statSync(join(folder, 'live', 'store', 'data.mdb')).size;
  for (let round = 1; round < 10; round++) await fill(round * 50);
  const after = statSync(join(folder, 'live', 'store', 'data.mdb')).size;
  expect(after).toBeLessThan(before * 3);
});

test('a copy ends with an error when the store closes, and the store closes well', async () => {
  await store.commit(Array.from({ length: 50 }, (_, at) => append(1, at, { body })));
  const snapshot = await store.snapshot();
  const copying = snapshot.copyTo(copyPath('cut'), () => store.close());
  await expect(copying).rejects.toMatchObject({ fault: 'io' });
  snapshot.release();
});

test('the copy of a stopped store is that of a running one', async () => {
  await store.commit([append(1, 0, { body })]);
  await store.close();
  const source = openStoppedData(join(folder, 'live'))!;
  const snapshot = await source.snapshot();
  await snapshot.copyTo(copyPath('stopped'), () => undefined);
  snapshot.release();
  await source.close();
  const copy = await openStore(join(folder, 'stopped'));
  expect(await copy.read(1, 0, 1e9)).toHaveLength(1);
  await copy.close();
  expect(openStoppedData(join(folder, 'nowhere'))).toBeNull();
});

test('no key is written while keys and the data beside them are copied', async () => {
  const keys = await openLmdbKeyStore({ ...ports, path: join(folder, 'keys') });
  await keys.txn([], [{ key: 'dek/1', value: Uint8Array.of(1) }]);
  let isWritten = false;
  let late: Promise<unknown> = Promise.resolve();
  await keys.copyTo(join(folder, 'keys-copy'), async () => {
    late = keys.txn([], [{ key: 'dek/2', value: Uint8Array.of(2) }]).then(() => (isWritten = true));
    (await store.snapshot()).release();
    expect(isWritten).toBe(false);
  });
  await late;
  const copied = join(folder, 'keys-copy', 'data.mdb');
  expect(statSync(copied).mode & 0o777).toBe(0o600);
  const copy = await openLmdbKeyStore({ ...ports, path: join(folder, 'keys-copy') });
  expect((await copy.list('dek/')).map(({ key }) => key)).toEqual(['dek/1']);
  expect((await keys.list('dek/')).map(({ key }) => key)).toEqual(['dek/1', 'dek/2']);
  await copy.close();
  await keys.close();
});
