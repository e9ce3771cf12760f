import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  openScriptedBench,
  sealedTopic,
  testProviders,
  keyName,
} from '../../test/support/dek-bench.ts';
import { testRootKey } from '../../test/support/embedded-kms.ts';
import type { ScriptedKeyService } from '../../test/support/scripted-key-service.ts';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { TamperedKeyStore } from '../../test/support/tampered-key-store.ts';
import { type VerifiedPart, verifiedPart } from '../../test/support/verified-part.ts';
import type { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { RootKey } from '../kms/index.ts';
import { receiptPrefix } from './deks/dek-receipt.ts';
import { decodeDekRow, dekRowKey, encodeDekRow } from './deks/dek-row.ts';
import type { SealedTopic } from './dek.ts';
import { silentDekObserver } from './observer.ts';
import { openStoreKey } from './store-key.ts';
import { dekVerifiable } from './verification.ts';

const first = sealedTopic(1);
const second = sealedTopic(2);
const hourMs = 3_600_000;

let keys: ScriptedKeyService;
let clock: VirtualClock;
let rootKey: RootKey;
let store: TamperedKeyStore;
let topics: SealedTopic[];
/** Rows of DEKs. */
let dekKeys: readonly string[];

beforeEach(async () => {
  const bench = await openScriptedBench();
  ({ keys, clock } = bench);
  rootKey = testRootKey();
  const entropy = new SeededEntropy(3);
  (
    await openStoreKey({ rows: bench.rows, rootKey, entropy, providers: testProviders() })
  ).destroy();
  for (const topic of [first, second]) await bench.settled(bench.manager.forSeal(topic));
  await clock.advance(7 * hourMs);
  for (const topic of [first, second]) await bench.settled(bench.manager.forSeal(topic));
  bench.manager.close();
  store = new TamperedKeyStore(bench.rows);
  topics = [first, second];
  dekKeys = (await bench.rows.list('dek/')).map(({ key }) => key);
});

async function verified(): Promise<VerifiedPart> {
  const ports = { keys, providers: testProviders(), clock, observer: silentDekObserver };
  return await verifiedPart(
    dekVerifiable({ ...ports, rows: store, rootKey, topics: () => topics }),
  );
}

const placesOf = (lines: readonly string[]): string[] => lines.map((line) => line.split(': ')[0]!);

describe('a verification of the DEKs', () => {
  test('unwraps every DEK and the store key', async () => {
    const part = await verified();
    expect(dekKeys.length).toBeGreaterThanOrEqual(4);
    expect(part).toMatchObject({ damaged: [], unread: [], expected: dekKeys.length + 1 });
    expect(part.passed).toBe(part.expected);
  });

  test('any flipped bit of a DEK row is found', async () => {
    const key = dekKeys[0]!;
    const { value } = (await store.get(key))!;
    for (let byte = 0; byte < value.length; byte++) {
      const bit = byte * 8 + fc.sample(fc.nat(7), 1)[0]!;
      store.changed.clear();
      await store.flip(key, bit);
      expect(placesOf((await verified()).damaged), `bit ${bit}`).toEqual([key]);
    }
  });

  test('any swap of two DEK rows is found in both places', async () => {
    for (const a of dekKeys) {
      for (const b of dekKeys) {
        if (a >= b) continue;
        store.changed.clear();
        await store.swap(a, b);
        expect(placesOf((await verified()).damaged)).toEqual([a, b]);
      }
    }
  });

  test('a wrap given to another topic, row key and uid fitting, does not unwrap for it', async () => {
    const row = decodeDekRow((await store.get(dekRowKey(first.uid, 1)))!.value)!;
    const place = dekRowKey(second.uid, 1);
    const value = encodeDekRow({ ...row, topicUid: second.uid });
    store.changed.set(place, { key: place, value, version: 1 });
    expect(placesOf((await verified()).damaged)).toEqual([place]);
  });

  test('another key than was wrapped is caught by the commitment', async () => {
    keys.returnsOtherBytes = true;
    expect(placesOf((await verified()).damaged)).toEqual([...dekKeys]);
  });

  test('a version of the key that did not wrap it is found: usage counts on the name', async () => {
    keys.rotate(keyName);
    const place = dekRowKey(first.uid, 1);
    const stored = (await store.get(place))!;
    const row = decodeDekRow(stored.value)!;
    const kekVersionName = `${keyName}/cryptoKeyVersions/2`;
    store.changed.set(place, { ...stored, value: encodeDekRow({ ...row, kekVersionName }) });
    expect((await verified()).damaged).toEqual([
      `${place}: ${row.kekVersionName} wrapped it, not ${kekVersionName}`,
    ]);
  });

  test('what a key refuses is unread, with its words', async () => {
    keys.setEnabled(keyName, false);
    const { damaged, unread } = await verified();
    expect(damaged).toEqual([]);
    expect(placesOf(unread)).toEqual([...dekKeys]);
    expect(unread[0]).toContain('is not enabled');
  });

  test('a key service that is away makes DEKs unread, not damaged', async () => {
    keys.fail('UNAVAILABLE');
    const { damaged, unread } = await verified();
    expect([damaged.length, unread.length]).toEqual([0, dekKeys.length]);
  });

  test('rows of a topic that is gone are named', async () => {
    topics = [first];
    const { damaged, unread } = await verified();
    const ofSecond = dekKeys.filter((key) => key.includes(Buffer.from(second.uid).toString('hex')));
    expect(damaged).toEqual([]);
    expect(unread).toEqual(
      ofSecond.map((key) => `${key}: its topic is gone: it waits for its erasure`),
    );
  });

  test('any flipped bit of the store key is found', async () => {
    const { value } = (await store.get('store-key/1'))!;
    for (let bit = 0; bit < value.length * 8; bit += 5) {
      store.changed.clear();
      await store.flip('store-key/1', bit);
      expect(placesOf((await verified()).damaged), `bit ${bit}`).toEqual(['store-key/1']);
    }
  });

  test('a receipt at another place, and one that is none, are found', async () => {
    const receipt = { topicName: 'projects/p/topics/t', topicUid: '01'.repeat(16), dekVersion: 3 };
    const place = receiptPrefix + dekRowKey(first.uid, 3).slice('dek/'.length);
    const elsewhere = receiptPrefix + dekRowKey(first.uid, 4).slice('dek/'.length);
    const value = Buffer.from(JSON.stringify(receipt));
    store.changed.set(place, { key: place, value, version: 1 });
    expect((await verified()).damaged).toEqual([]);
    store.changed.set(elsewhere, { key: elsewhere, value, version: 1 });
    store.changed.set('dek-erasure', { key: 'dek-erasure', value: Uint8Array.of(7), version: 1 });
    expect(placesOf((await verified()).damaged)).toEqual([elsewhere, 'dek-erasure']);
  });

  // Receipts wait for the audit log as plain JSON: who can write the file can change what is told.
  test('a changed digit of a receipt that waits is not found: nothing seals it', async () => {
    const receipt = {
      topicName: first.name,
      topicUid: '01'.repeat(16),
      dekVersion: 3,
      sealedMessageCount: 1_000,
    };
    const place = receiptPrefix + dekRowKey(first.uid, 3).slice('dek/'.length);
    const value = Buffer.from(JSON.stringify(receipt).replace('1000', '9000'));
    store.changed.set(place, { key: place, value, version: 1 });
    expect((await verified()).damaged).toEqual([]);
  });
});
