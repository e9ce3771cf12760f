import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { noFailpoints, silentLogger } from '../../runtime/index.ts';
import { lockDataDir } from '../data-dir-lock.ts';
import { append } from '../store.case.ts';
import { compactStore } from './compaction.ts';
import { openLmdbStore, type LmdbStore } from './lmdb-store.ts';

const openStore = (dataDir: string): Promise<LmdbStore> =>
  openLmdbStore({
    dataDir,
    clock: new VirtualClock(),
    log: silentLogger,
    failpoints: noFailpoints,
    reserveBytes: 4096,
  });

test('compaction gives freed pages back and keeps what is stored', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sealpost-compact-'));
  try {
    const store = await openStore(dataDir);
    const body = new Uint8Array(50_000).fill(5);
    await store.commit(Array.from({ length: 100 }, (_, at) => append(1, at, { body })));
    await store.meta.txn([], [{ key: 'row', value: body }]);
    await store.trim([{ log: 1, below: 95 }]);
    const tails = await store.tails([1]);
    await store.close();

    const seen: string[] = [];
    const { before, after } = await compactStore({ dataDir, progress: (name) => seen.push(name) });
    expect(seen).toEqual(['store', 'store']);
    expect(before).toBeGreaterThan(5_000_000);
    expect(after).toBeLessThan(1_000_000);

    const again = await openStore(dataDir);
    expect(await again.tails([1])).toEqual(tails);
    expect(await again.read(1, 95, 1e9)).toHaveLength(5);
    expect((await again.meta.get('row'))!.value).toHaveLength(50_000);
    await again.close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('compaction is refused while a process holds the directory', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sealpost-compact-'));
  const lock = await lockDataDir(dataDir, 'server');
  await expect(compactStore({ dataDir })).rejects.toMatchObject({ fault: 'inUse' });
  lock.release();
  rmSync(dataDir, { recursive: true, force: true });
});
