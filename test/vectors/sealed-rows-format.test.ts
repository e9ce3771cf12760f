import { expect, test } from 'vitest';
import type { AeadProvider, SuiteId } from '../../src/crypto/index.ts';
import { providersOf } from '../../src/crypto/providers.ts';
import { createRecordSealer, type RecordPlace } from '../../src/envelope/record-sealer.ts';
import { openSealedMeta } from '../../src/envelope/sealed-meta.ts';
import { FaultPlan, type MetaStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import { hex, toHex } from '../support/hex.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { nonceOf, readGolden, RecordedEntropy } from './golden-file.ts';

interface Sealed {
  readonly suite: SuiteId;
  readonly storeKey: string;
  readonly plaintext: string;
  readonly sealed: string;
}
type MetaGolden = Sealed & { readonly key: string; readonly version: number };
type AckGolden = Sealed & { readonly place: RecordPlace };

const golden = readGolden('sealed-rows-format-1.json') as {
  readonly metaRows: readonly MetaGolden[];
  readonly ackRecords: readonly AckGolden[];
};

type Case<T> = readonly [string, T, AeadProvider];

function casesOf<T extends Sealed>(list: readonly T[]): Case<T>[] {
  return list.flatMap((one, i) =>
    providersOf(one.suite).map((by): Case<T> => [`${i} by ${by.name}`, one, by]),
  );
}

/** A store where `key` stands at `version`, with `value` in it. */
async function storeAt(key: string, version: number, value: Uint8Array): Promise<MetaStore> {
  const store = openMemoryKeyStore({ clock: new VirtualClock(), faults: new FaultPlan() });
  for (let n = 0; n < version; n++) await store.txn([{ key, version: n }], [{ key, value }]);
  return store;
}

test('golden rows and records of both suites are there', () => {
  for (const list of [golden.metaRows, golden.ackRecords]) {
    expect(new Set(list.map(({ suite }) => suite))).toEqual(new Set([1, 2]));
  }
});

test.each(casesOf(golden.metaRows))('metadata row %s is sealed and opened', async (_, row, by) => {
  const key = by.importKey(hex(row.storeKey));
  const entropy = new RecordedEntropy(nonceOf(hex(row.sealed)));

  const before = await storeAt(row.key, row.version - 1, new Uint8Array(0));
  const checks = [{ key: row.key, version: row.version - 1 }];
  const puts = [{ key: row.key, value: hex(row.plaintext) }];
  expect(await openSealedMeta({ inner: before, key, entropy }).txn(checks, puts)).toBe(true);
  expect(toHex((await before.get(row.key))!.value)).toBe(row.sealed);
  expect(entropy.left).toBe(0);

  const stored = await storeAt(row.key, row.version, hex(row.sealed));
  const opened = await openSealedMeta({ inner: stored, key, entropy }).get(row.key);
  expect(toHex(opened!.value)).toBe(row.plaintext);
});

test.each(casesOf(golden.ackRecords))('ack record %s is sealed and opened', (_, record, by) => {
  const key = by.importKey(hex(record.storeKey));
  const entropy = new RecordedEntropy(nonceOf(hex(record.sealed)));
  const sealer = createRecordSealer({ key, entropy });
  expect(toHex(sealer.seal(hex(record.plaintext), record.place))).toBe(record.sealed);
  expect(toHex(sealer.open(hex(record.sealed), record.place))).toBe(record.plaintext);
});
