import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { draw, noFailpoints, silentLogger, type Failpoints } from '../../runtime/index.ts';
import type { KeyStore } from '../meta-store.ts';
import { openLmdbKeyStore } from './lmdb-key-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-keys-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const openKeys = (failpoints: Failpoints = noFailpoints): Promise<KeyStore> =>
  openLmdbKeyStore({
    path: join(directory, 'keys'),
    clock: new VirtualClock(),
    log: silentLogger,
    failpoints,
  });

const entropy = new SeededEntropy(1);
const put = (keys: KeyStore, key: string, value: Uint8Array | null) =>
  keys.txn([], [{ key, value }]);

describe('the key environment', () => {
  test('rows outlive a close', async () => {
    const keys = await openKeys();
    const value = draw(entropy, 60);
    await put(keys, 'dek/1', value);
    await keys.close();
    const again = await openKeys();
    expect(Buffer.from((await again.get('dek/1'))!.value).equals(value)).toBe(true);
    await again.close();
  });

  test('a compaction leaves no byte of an erased row in the file, and keeps the rest', async () => {
    const keys = await openKeys();
    const erased = draw(entropy, 64);
    const kept = draw(entropy, 64);
    await put(keys, 'dek/erased', erased);
    await put(keys, 'dek/kept', kept);
    await put(keys, 'dek/erased', null);
    const file = join(directory, 'keys', 'data.mdb');
    expect(readFileSync(file).includes(Buffer.from(erased))).toBe(true);
    await keys.compact();
    expect(readFileSync(file).includes(Buffer.from(erased))).toBe(false);
    expect(Buffer.from((await keys.get('dek/kept'))!.value).equals(kept)).toBe(true);
    expect(await put(keys, 'dek/new', kept)).toBe(true);
    expect(existsSync(join(directory, 'keys.compact'))).toBe(false);
    await keys.close();
  });

  test('calls during a compaction wait and are answered', async () => {
    const keys = await openKeys();
    await put(keys, 'a', draw(entropy, 8));
    const compacting = keys.compact();
    const [row, stored, rows] = await Promise.all([
      keys.get('a'),
      put(keys, 'b', draw(entropy, 8)),
      keys.list(''),
      compacting,
    ]);
    expect(row!.version).toBe(1);
    expect(stored).toBe(true);
    expect(rows.map(({ key }) => key)).toContain('a');
    await keys.compact();
    expect((await keys.list('')).map(({ key }) => key)).toEqual(['a', 'b']);
    await keys.close();
  });

  test('the leftover of an interrupted compaction is removed at open', async () => {
    const left = join(directory, 'keys.compact');
    mkdirSync(left);
    writeFileSync(join(left, 'data.mdb'), 'half a copy');
    const keys = await openKeys();
    expect(existsSync(left)).toBe(false);
    await keys.close();
  });

  test.each(['beforeKeyCompactionRename', 'afterKeyCompactionRename'])(
    'a compaction that stops at %s keeps every row',
    async (moment) => {
      const keys = await openKeys((name) => {
        if (name === moment) throw new Error('stopped here');
      });
      await put(keys, 'a', draw(entropy, 8));
      await expect(keys.compact()).rejects.toMatchObject({ fault: 'io' });
      expect(await keys.get('a')).not.toBeNull();
      await keys.close();
      const again = await openKeys();
      expect((await again.list('')).map(({ key }) => key)).toEqual(['a']);
      await again.close();
    },
  );

  test('a closed key store refuses to compact', async () => {
    const keys = await openKeys();
    await keys.close();
    await expect(keys.compact()).rejects.toMatchObject({ fault: 'closed' });
  });
});
