import { assert, asyncProperty, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { SystemEntropy } from '../runtime/index.ts';
import { FaultPlan, type MetaStore, openMemoryKeyStore } from '../storage/index.ts';
import { testProviders } from '../../test/support/dek-bench.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { openSealedMeta } from './sealed-meta.ts';

const entropy = new SystemEntropy();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function openBench(faults: FaultPlan = new FaultPlan()): { inner: MetaStore; meta: MetaStore } {
  const inner = openMemoryKeyStore({ clock: new VirtualClock(), faults });
  const key = testProviders().preferred.importKey(new Uint8Array(32).fill(7));
  return { inner, meta: openSealedMeta({ inner, key, entropy }) };
}

test('what was put is read, with the version that the store gave it', async () => {
  const { meta } = openBench();
  for (const value of ['one', 'two', '']) {
    expect(await meta.txn([], [{ key: 'a/1', value: text(value) }])).toBe(true);
  }
  expect(await meta.get('a/1')).toEqual({ key: 'a/1', value: text(''), version: 3 });
  expect(await meta.get('a/2')).toBeNull();
  await meta.txn([{ key: 'a/2', version: 0 }], [{ key: 'a/2', value: text('x') }]);
  expect((await meta.list('a/')).map(({ version }) => version)).toEqual([3, 1]);
  expect(await meta.txn([{ key: 'a/1', version: 2 }], [{ key: 'a/1', value: null }])).toBe(false);
  expect(await meta.txn([], [{ key: 'a/1', value: null }])).toBe(true);
  expect(await meta.get('a/1')).toBeNull();
});

test('a checked row that is not put is left alone; a failed check writes nothing', async () => {
  const { meta } = openBench();
  await meta.txn([], [{ key: 'gate', value: text('1') }]);
  const checks = [{ key: 'gate', version: 1 }];
  expect(await meta.txn(checks, [{ key: 'a', value: text('1') }])).toBe(true);
  await meta.txn([], [{ key: 'gate', value: text('2') }]);
  expect(await meta.txn(checks, [{ key: 'a', value: text('2') }])).toBe(false);
  expect((await meta.get('a'))?.value).toEqual(text('1'));
});

test('unchecked writers of one row all get through, and the row opens', async () => {
  const { meta } = openBench();
  const writers = Array.from({ length: 40 }, (_, i) =>
    meta.txn([], [{ key: 'a', value: text(String(i)) }]),
  );
  expect(await Promise.all(writers)).toEqual(Array.from({ length: 40 }, () => true));
  expect((await meta.get('a'))?.version).toBe(40);
});

test('a changed, moved or replayed value is DATA_LOSS', async () => {
  const { inner, meta } = openBench();
  await meta.txn([], [{ key: 'a', value: text('first') }]);
  await meta.txn([], [{ key: 'b', value: text('other') }]);
  const first = (await inner.get('a'))!.value;
  await meta.txn([], [{ key: 'a', value: text('second') }]);
  const second = (await inner.get('a'))!.value;
  const lost = { code: 'DATA_LOSS', reason: 'METADATA_TAMPERED' };
  await inner.txn([], [{ key: 'a', value: first }]);
  await expect(meta.get('a')).rejects.toMatchObject(lost);
  await inner.txn([], [{ key: 'b', value: second }]);
  await expect(meta.get('b')).rejects.toMatchObject(lost);
  await expect(meta.list('')).rejects.toMatchObject(lost);
  await inner.txn([], [{ key: 'c', value: first }]);
  await expect(meta.get('c')).rejects.toMatchObject(lost);
});

test('every flipped bit and every cut of a value is noticed', async () => {
  const { inner, meta } = openBench();
  await meta.txn([], [{ key: 'a', value: text('value') }]);
  const good = (await inner.get('a'))!.value;
  const isRefused = async (value: Uint8Array): Promise<boolean> => {
    await inner.txn([], [{ key: 'a', value: null }]);
    await inner.txn([], [{ key: 'a', value }]);
    return meta.get('a').then(
      () => false,
      () => true,
    );
  };
  for (let at = 0; at < good.length; at++) {
    const changed = good.slice();
    changed[at]! ^= 1 << (at % 8);
    expect(await isRefused(changed)).toBe(true);
    expect(await isRefused(good.subarray(0, at))).toBe(true);
  }
  expect(await isRefused(good)).toBe(false);
});

test('no value is stored in the clear', async () => {
  await assert(
    asyncProperty(uint8Array({ minLength: 12, maxLength: 200 }), async (value) => {
      const { inner, meta } = openBench();
      await meta.txn([], [{ key: 'a', value }]);
      const stored = Buffer.from((await inner.get('a'))!.value);
      expect(stored.includes(Buffer.from(value.subarray(0, 12)))).toBe(false);
    }),
    { numRuns: 30 },
  );
});
