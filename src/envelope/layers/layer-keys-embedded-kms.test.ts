import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  keyName,
  openKmsBench,
  privateDirectory,
  versionOne,
} from '../../../test/support/embedded-kms.ts';
import { operatorOf } from '../../../test/support/operator-keys.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { verifiedPart } from '../../../test/support/verified-part.ts';
import { type EmbeddedKeyService, operatorMember } from '../../kms/index.ts';
import { type Clock, noFailpoints, silentLogger } from '../../runtime/index.ts';
import { type KeyStore, openLmdbKeyStore } from '../../storage/index.ts';
import { keyPurposes } from './key-purposes.ts';
import { decodeLayerKeyRow, layerKeyRowKey } from './layer-key-row.ts';
import { layerKeyVerifiable } from './layer-key-verifiable.ts';
import type { LayerKeyPlace, LayerKeys } from './layer-key.ts';
import { openLayerKeys } from './stored-layer-keys.ts';

const place: LayerKeyPlace = {
  project: 'p',
  serviceUid: 'uid',
  serviceName: 'projects/p/locations/us-central1/services/hello',
  key: keyName,
};
const observer = { keyCall: (): void => undefined };

function opened(keys: EmbeddedKeyService, rows: KeyStore, clock: Clock): Promise<LayerKeys> {
  const entropy = new SeededEntropy(5);
  return openLayerKeys({ rows, keys, clock, entropy, log: silentLogger, observer });
}

async function allowAgent(service: EmbeddedKeyService, isAllowed: boolean): Promise<void> {
  const members = [await service.runServiceAgent('p')];
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
  const bindings = isAllowed ? [{ role, members }] : [];
  const operator = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' } as const;
  await service.policies.set(keyName, { bindings }, operator);
}

test("a start needs the role of Run's service agent and an enabled key, each time", async () => {
  const { service, keyStore, clock } = await openKmsBench();
  const layerKeys = await opened(service, keyStore, clock);
  const denied = expect.objectContaining({ code: 'PERMISSION_DENIED' });
  await expect(layerKeys.forDeploy(place)).rejects.toEqual(denied);
  await allowAgent(service, true);
  const made = await layerKeys.forDeploy(place);
  await allowAgent(service, false);
  await expect(layerKeys.forStart(place)).rejects.toEqual(denied);
  await allowAgent(service, true);
  await operatorOf(service).versions.updateState(versionOne, 'DISABLED');
  await expect(layerKeys.forStart(place)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  await operatorOf(service).versions.updateState(versionOne, 'ENABLED');
  expect((await layerKeys.forStart(place)).bytes).toEqual(made.bytes);
});

test("the audit log shows the seed's reasons, and for which service", async () => {
  const { service, keyStore, clock, audit } = await openKmsBench();
  const layerKeys = await opened(service, keyStore, clock);
  await allowAgent(service, true);
  audit.entries.length = 0;
  await layerKeys.forDeploy(place);
  await layerKeys.forDeploy(place);
  await layerKeys.forStart(place);
  const logged = audit.entries.map((entry) => JSON.stringify(entry));
  for (const [at, purpose] of (['wrap', 'deploy', 'start'] as const).entries()) {
    expect(logged[at]).toContain(keyPurposes[purpose]);
    expect(logged[at]).toContain(place.serviceName);
  }
  expect(logged).toHaveLength(3);
});

test('a service without a key works under the default key, with no binding at all', async () => {
  const { service, keyStore, clock } = await openKmsBench();
  const layerKeys = await opened(service, keyStore, clock);
  const unclaimed = { ...place, key: null };
  const made = await layerKeys.forDeploy(unclaimed);
  const again = await opened(service, keyStore, clock);
  expect((await again.forStart(unclaimed)).bytes).toEqual(made.bytes);
});

test('a wrapped DEK that was moved to another service does not unwrap', async () => {
  const { service, keyStore, clock } = await openKmsBench();
  const layerKeys = await opened(service, keyStore, clock);
  await allowAgent(service, true);
  const other = { ...place, serviceUid: 'xyz' };
  await layerKeys.forDeploy(place);
  const { value } = (await keyStore.get(layerKeyRowKey(place)))!;
  const moved = Buffer.from(value);
  moved.write('xyz', moved.indexOf('uid'));
  await keyStore.txn([], [{ key: layerKeyRowKey(other), value: new Uint8Array(moved) }]);
  await expect(layerKeys.forStart(other)).rejects.toMatchObject({ code: 'DATA_LOSS' });
  const part = layerKeyVerifiable({ rows: keyStore, keys: service, clock: soon(clock), observer });
  const { passed, damaged } = await verifiedPart(part);
  expect([passed, damaged.length]).toEqual([1, 1]);
  expect(damaged[0]).toContain(layerKeyRowKey(other));
});

test('of a shredded DEK nothing is left in the file of the keys', async () => {
  const { service, clock } = await openKmsBench();
  const path = join(privateDirectory(), 'keys');
  const options = { path, clock, log: silentLogger, failpoints: noFailpoints };
  const rows = await openLmdbKeyStore(options);
  onTestFinished(() => rows.close());
  const layerKeys = await opened(service, rows, clock);
  const unclaimed = { ...place, key: null };
  await layerKeys.forDeploy(unclaimed);
  const row = decodeLayerKeyRow((await rows.get(layerKeyRowKey(unclaimed)))!.value)!;
  const isThere = (): boolean =>
    readFileSync(join(path, 'data.mdb')).includes(Buffer.from(row.wrapped.subarray(-16)));
  expect(isThere()).toBe(true);
  expect(await layerKeys.shred(place.serviceUid)).toBe(1);
  expect(isThere()).toBe(false);
});

/** Turns of the event loop come by themselves; time does not. */
function soon(clock: Clock): Clock {
  return {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    schedule: (atMs, task) => clock.schedule(atMs, task),
    soon: (task) => queueMicrotask(task),
  };
}
