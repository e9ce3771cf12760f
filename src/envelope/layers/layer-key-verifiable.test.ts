import { expect, test } from 'vitest';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { TamperedKeyStore } from '../../../test/support/tampered-key-store.ts';
import { verifiedPart } from '../../../test/support/verified-part.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { silentLogger } from '../../runtime/index.ts';
import { FaultPlan, openMemoryKeyStore } from '../../storage/index.ts';
import { layerKeyErasure } from './layer-key-rows.ts';
import { layerKeyRowKey } from './layer-key-row.ts';
import { layerKeyPrefixes, layerKeyVerifiable } from './layer-key-verifiable.ts';
import type { LayerKeyPlace } from './layer-key.ts';
import { openLayerKeys } from './stored-layer-keys.ts';

const keyName = 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k';

function placeOf(serviceUid: string, key: string | null = keyName): LayerKeyPlace {
  const serviceName = `projects/p/locations/us-central1/services/${serviceUid}`;
  return { project: 'p', serviceUid, serviceName, key };
}

/** Three DEKs, two of them under `keyName`. */
async function openBench() {
  const clock = new SoonClock();
  const inner = openMemoryKeyStore({ clock, faults: new FaultPlan() });
  const keys = new ScriptedKeyService();
  const told: string[] = [];
  const observer = { keyCall: (use: string): void => void told.push(use) };
  const entropy = new SeededEntropy(5);
  const ports = { keys, clock, observer };
  const log = silentLogger;
  const layerKeys = await openLayerKeys({ ...ports, rows: inner, entropy, log });
  const places = [placeOf('a'), placeOf('b'), placeOf('c', null)];
  for (const place of places) await layerKeys.forDeploy(place);
  const rows = new TamperedKeyStore(inner);
  const rowKeys = places.map((place) => layerKeyRowKey(place));
  told.length = 0;
  return { inner, rows, keys, told, rowKeys, part: layerKeyVerifiable({ ...ports, rows }) };
}

/** Turns of the event loop come by themselves; time does not. */
class SoonClock extends VirtualClock {
  override soon(task: () => void): void {
    queueMicrotask(task);
  }
}

test('every row is unwrapped once and found well, as an operation of the system', async () => {
  const { part, keys, told, inner } = await openBench();
  keys.calls.length = 0;
  const verified = await verifiedPart(part);
  expect(verified).toMatchObject({ expected: 3, passed: 3, damaged: [], unread: [] });
  const stored = await inner.list('vault/dek/');
  expect(verified.bytes).toBe(stored.reduce((sum, { value }) => sum + value.length, 0));
  expect(told).toEqual(['verify', 'verify', 'verify']);
  for (const { caller } of keys.calls) {
    expect(caller.reason).toBe('GOOGLE_INITIATED_SYSTEM_OPERATION');
  }
});

test('a row that was changed, moved or swapped is damaged', async () => {
  const { part, rows, rowKeys } = await openBench();
  const [first, second, third] = rowKeys as [string, string, string];
  await rows.swap(first, second);
  await rows.flip(third, 8 * 40);
  const { damaged, passed } = await verifiedPart(part);
  expect(damaged.map((text) => text.split(': ')[0])).toEqual([first, second, third]);
  expect(passed).toBe(0);
});

test('a row whose key is disabled is unread', async () => {
  const { part, keys, rowKeys } = await openBench();
  keys.setEnabled(keyName, false);
  const { damaged, unread, passed } = await verifiedPart(part);
  expect([damaged, passed]).toEqual([[], 1]);
  expect(unread.map((text) => text.split(': ')[0])).toEqual(rowKeys.slice(0, 2));
});

test('an erasure that waits for its compaction is well, and anything else there is damage', async () => {
  const { part, inner, rows } = await openBench();
  await inner.txn([], [{ key: layerKeyErasure, value: Uint8Array.of(1) }]);
  expect(await verifiedPart(part)).toMatchObject({ expected: 4, passed: 4, damaged: [] });
  await rows.flip(layerKeyErasure, 1);
  expect((await verifiedPart(part)).damaged).toHaveLength(1);
});

test('every row that is written is one that this part looks at', async () => {
  const { inner } = await openBench();
  const keys = (await inner.list('')).map(({ key }) => key);
  expect(keys.filter((key) => !layerKeyPrefixes.some((prefix) => key.startsWith(prefix)))).toEqual(
    [],
  );
});
