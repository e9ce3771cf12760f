import { expect, test } from 'vitest';
import { type EmbeddedKeyService, operatorMember } from '../../kms/index.ts';
import {
  type DekBench,
  fingerprint,
  openDekBench,
  sealedTopic,
} from '../../../test/support/dek-bench.ts';
import { keyName, openKmsBench, versionOne } from '../../../test/support/embedded-kms.ts';
import { openStoreKey } from '../store-key.ts';
import { operatorOf } from '../../../test/support/operator-keys.ts';

const topic = sealedTopic();

async function openBench(): Promise<DekBench<EmbeddedKeyService>> {
  const { service, clock, keyStore } = await openKmsBench();
  return openDekBench({ keys: service, clock, rows: keyStore });
}

async function allowAgent(service: EmbeddedKeyService, isAllowed: boolean): Promise<void> {
  const members = [await service.pubsubServiceAgent('p')];
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
  const bindings = isAllowed ? [{ role, members }] : [];
  const operator = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' } as const;
  await service.policies.set(keyName, { bindings }, operator);
}

test('a topic is refused until the service agent holds the role, and again when it loses it', async () => {
  const { manager, keys, clock, events } = await openBench();
  await expect(manager.probe(topic)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    reason: 'KEY_USE_DENIED',
    message:
      `Cloud KMS error when using key ${keyName}: Permission ` +
      `'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '${keyName}' ` +
      '(or it may not exist).',
  });
  await allowAgent(keys, true);
  await manager.probe(topic);
  const dek = await manager.forSeal(topic);
  await allowAgent(keys, false);
  expect(dek.isAlive).toBe(false);
  await clock.settle();
  await expect(manager.forOpen(topic, 1)).rejects.toMatchObject({ reason: 'KEY_USE_DENIED' });
  await allowAgent(keys, true);
  await clock.settle();
  expect(manager.forOpen(topic, 1)).toMatchObject({ version: 1, isAlive: true });
  expect(events.map(({ kind }) => kind)).toEqual(['revoked', 'restored']);
});

test('a disabled version stops its DEKs before the call that disabled it is answered', async () => {
  const { manager, keys, clock, events } = await openBench();
  await allowAgent(keys, true);
  const dek = await manager.forSeal(topic);
  const before = fingerprint(dek);
  await operatorOf(keys).versions.updateState(versionOne, 'DISABLED');
  expect(dek.isAlive).toBe(false);
  await clock.settle();
  expect(events.map(({ kind }) => kind)).toEqual(['revoked']);
  await expect(manager.forSeal(topic)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining(`${versionOne} is not enabled`) as string,
    details: [{ violations: [{ type: 'KEY_DISABLED', subject: versionOne }] }],
  });
  await operatorOf(keys).versions.updateState(versionOne, 'ENABLED');
  expect(fingerprint(await manager.forSeal(topic))).toBe(before);
});

test('topics without a key work under the default key, and DEKs outlive the manager', async () => {
  const { manager, keys, rows, clock } = await openBench();
  const keyless = { name: topic.name, uid: topic.uid };
  const before = fingerprint(await manager.forSeal(keyless));
  manager.close();
  const again = await openDekBench({ keys, rows, clock });
  expect(fingerprint(await again.manager.forOpen(keyless, 1))).toBe(before);
});

test("a topic may not name the service's own key, not even one that was stored so", async () => {
  const { manager, keys } = await openBench();
  const own = keys.defaultKeyName;
  const naming = { ...topic, kmsKeyName: own };
  const refusal = {
    code: 'FAILED_PRECONDITION',
    reason: 'KEY_USE_DENIED',
    message:
      `Cloud KMS error when using key ${own}: Permission ` +
      `'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '${own}' (or it may not exist).`,
  };
  await expect(manager.probe(naming)).rejects.toMatchObject(refusal);
  await expect((async () => manager.forSeal(naming))()).rejects.toMatchObject(refusal);
});

test('what was sealed under the default key opens for a topic that names a key since', async () => {
  const { manager, keys, rows, clock } = await openBench();
  await allowAgent(keys, true);
  const before = fingerprint(await manager.forSeal({ name: topic.name, uid: topic.uid }));
  manager.close();
  const again = await openDekBench({ keys, rows, clock });
  expect(fingerprint(await again.manager.forOpen(topic, 1))).toBe(before);
});

test('the store key opens under the root key file', async () => {
  const { rootKey, keyStore, suites, entropy } = await openKmsBench();
  const options = { rows: keyStore, rootKey, providers: suites, entropy };
  const made = (await openStoreKey(options)).deriveKey('ack ids');
  expect((await openStoreKey(options)).deriveKey('ack ids')).toEqual(made);
});
