import { KeyManagementServiceClient } from '@google-cloud/kms';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { crc32c } from '../../src/crypto/index.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const parent = 'projects/clients/locations/global';
const ring = `${parent}/keyRings/life`;
const key = `${ring}/cryptoKeys/k`;
const version = (number: number): string => `${key}/cryptoKeyVersions/${number}`;
const plaintext = Buffer.from('a data encryption key');
const additionalAuthenticatedData = Buffer.from('projects/clients/topics/t');

let kms: KeyManagementServiceClient;
beforeAll(() => {
  process.env['METADATA_SERVER_DETECTION'] = 'none';
  const [apiEndpoint, port] = live.address.split(':');
  kms = new KeyManagementServiceClient({
    apiEndpoint: apiEndpoint!,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  });
});
afterAll(async () => {
  await kms.close();
  delete process.env['METADATA_SERVER_DETECTION'];
});

/** What a call was refused with, as a program of a user sees it. */
async function refusal(
  call: Promise<unknown>,
): Promise<{ readonly code: number; readonly details: string; readonly statusDetails: unknown[] }> {
  try {
    await call;
  } catch (error) {
    return error as Awaited<ReturnType<typeof refusal>>;
  }
  throw new Error('the call was not refused');
}

const disabled = { cryptoKeyVersion: { name: version(2), state: 'DISABLED' } } as const;
const enabled = { cryptoKeyVersion: { name: version(2), state: 'ENABLED' } } as const;
/** The client's types ask for messages where it takes objects. */
const asMessage = { toJSON: (): Record<string, unknown> => ({}) };
const updateMask = { paths: ['state'] };

/** Its tests are one life, in their order. */
describe('the whole life of a key, by the official client', () => {
  let ciphertext: Uint8Array;

  test('a ring and a key are made and found', async () => {
    const [made] = await kms.createKeyRing({ parent, keyRingId: 'life', keyRing: {} });
    expect(made.name).toBe(ring);
    const [created] = await kms.createCryptoKey({
      parent: ring,
      cryptoKeyId: 'k',
      cryptoKey: {
        purpose: 'ENCRYPT_DECRYPT',
        labels: { team: 'ledger' },
        rotationPeriod: { seconds: 86_400 },
        nextRotationTime: { seconds: 4_102_444_800 },
        destroyScheduledDuration: { seconds: 86_400 },
      },
    });
    expect(created).toMatchObject({
      name: key,
      purpose: 'ENCRYPT_DECRYPT',
      labels: { team: 'ledger' },
      rotationPeriod: { seconds: '86400' },
      nextRotationTime: { seconds: '4102444800' },
      primary: { name: version(1), state: 'ENABLED', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' },
    });
    expect((await kms.getCryptoKey({ name: key }))[0]).toEqual(created);
    expect((await kms.getKeyRing({ name: ring }))[0].name).toBe(ring);
  });

  test('a second version is made, and made primary', async () => {
    const [second] = await kms.createCryptoKeyVersion({ parent: key, cryptoKeyVersion: {} });
    expect(second).toMatchObject({ name: version(2), state: 'ENABLED' });
    const request = { name: key, cryptoKeyVersionId: '2' };
    const [updated] = await kms.updateCryptoKeyPrimaryVersion(request);
    expect(updated.primary?.name).toBe(version(2));
  });

  test('Encrypt and Decrypt verify checksums and bind associated data', async () => {
    const [sealed] = await kms.encrypt({
      name: key,
      plaintext,
      plaintextCrc32c: { value: crc32c(plaintext) },
      additionalAuthenticatedData,
      additionalAuthenticatedDataCrc32c: { value: crc32c(additionalAuthenticatedData) },
    });
    expect(sealed).toMatchObject({
      name: version(2),
      verifiedPlaintextCrc32c: true,
      verifiedAdditionalAuthenticatedDataCrc32c: true,
      protectionLevel: 'SOFTWARE',
    });
    ciphertext = sealed.ciphertext as Uint8Array;
    expect(Number(sealed.ciphertextCrc32c?.value)).toBe(crc32c(ciphertext));
    const request = { name: key, ciphertext, additionalAuthenticatedData };
    const [opened] = await kms.decrypt(request);
    expect(opened.usedPrimary).toBe(true);
    expect(Buffer.from(opened.plaintext as Uint8Array)).toEqual(plaintext);
    expect(Number(opened.plaintextCrc32c?.value)).toBe(crc32c(plaintext));
    const unbound = await refusal(kms.decrypt({ name: key, ciphertext }));
    expect(unbound).toMatchObject({
      code: 3,
      details: 'Decryption failed: the ciphertext is invalid.',
    });
    const misfit = { ...request, ciphertextCrc32c: { value: 1 } };
    expect(await refusal(kms.decrypt(misfit))).toMatchObject({ code: 3 });
  });

  test('a disabled version is refused, and statusDetails say which and why', async () => {
    await kms.updateCryptoKeyVersion({ ...disabled, updateMask });
    const refused = await refusal(kms.encrypt({ name: key, plaintext }));
    expect(refused).toMatchObject({
      code: 9,
      details: `${version(2)} is not enabled, current state is: DISABLED.`,
    });
    expect(refused.statusDetails).toMatchObject([
      { reason: 'KEY_DISABLED', domain: 'cloudkms.googleapis.com' },
      { violations: [{ type: 'KEY_DISABLED', subject: version(2) }] },
    ]);
    await kms.updateCryptoKeyVersion({ ...enabled, updateMask });
    await kms.encrypt({ name: key, plaintext });
  });

  test('a version is scheduled for destruction, and restored as DISABLED', async () => {
    const [doomed] = await kms.destroyCryptoKeyVersion({ name: version(2) });
    expect(doomed.state).toBe('DESTROY_SCHEDULED');
    expect(Number(doomed.destroyTime?.seconds)).toBeGreaterThan(live.clock.wallMs() / 1_000);
    const [restored] = await kms.restoreCryptoKeyVersion({ name: version(2) });
    expect(restored).toMatchObject({ state: 'DISABLED', destroyTime: null });
    await kms.updateCryptoKeyVersion({ ...enabled, updateMask });
    const [opened] = await kms.decrypt({ name: key, ciphertext, additionalAuthenticatedData });
    expect(Buffer.from(opened.plaintext as Uint8Array)).toEqual(plaintext);
  });

  test('a policy is read, changed with its etag, and refused with an old one', async () => {
    const [policy] = await kms.getIamPolicy({ resource: key, ...asMessage });
    const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
    const bindings = [{ role, members: ['user:ann@example.com'] }];
    const changed = { ...policy, bindings };
    const [set] = await kms.setIamPolicy({ resource: key, policy: changed, ...asMessage });
    expect(set).toMatchObject({ bindings });
    expect(set.etag).not.toEqual(policy.etag);
    const late = await refusal(kms.setIamPolicy({ resource: key, policy: changed, ...asMessage }));
    expect(late.code).toBe(10);
    const permissions = ['cloudkms.cryptoKeys.get'];
    const [tested] = await kms.testIamPermissions({ resource: key, permissions, ...asMessage });
    expect(tested.permissions).toEqual(permissions);
  });

  test('lists take a filter and turn their pages by themselves', async () => {
    for (let count = 3; count <= 12; count++) await kms.createCryptoKeyVersion({ parent: key });
    const [paged] = await kms.listCryptoKeyVersions({ parent: key, pageSize: 5 });
    expect(paged.map(({ name }) => name)).toEqual(
      Array.from({ length: 12 }, (_, index) => version(index + 1)),
    );
    await kms.updateCryptoKeyVersion({ ...disabled, updateMask });
    const [off] = await kms.listCryptoKeyVersions({ parent: key, filter: 'state=DISABLED' });
    expect(off.map(({ name }) => name)).toEqual([version(2)]);
  });

  test('raw keys and MAC keys are made and used', async () => {
    const versionTemplate = { algorithm: 'AES_256_GCM' } as const;
    const [raw] = await kms.createCryptoKey({
      parent: ring,
      cryptoKeyId: 'raw',
      cryptoKey: { purpose: 'RAW_ENCRYPT_DECRYPT', versionTemplate },
    });
    const rawName = `${raw.name}/cryptoKeyVersions/1`;
    const [sealed] = await kms.rawEncrypt({ name: rawName, plaintext });
    const { ciphertext: rawBytes, initializationVector } = sealed;
    const request = { name: rawName, ciphertext: rawBytes, initializationVector };
    const [opened] = await kms.rawDecrypt(request as Parameters<typeof kms.rawDecrypt>[0]);
    expect(Buffer.from(opened.plaintext as Uint8Array)).toEqual(plaintext);
    const [mac] = await kms.createCryptoKey({
      parent: ring,
      cryptoKeyId: 'mac',
      cryptoKey: { purpose: 'MAC', versionTemplate: { algorithm: 'HMAC_SHA256' } },
    });
    const macName = `${mac.name}/cryptoKeyVersions/1`;
    const [signed] = await kms.macSign({ name: macName, data: plaintext });
    const verify = { name: macName, data: plaintext, mac: signed.mac as Uint8Array };
    expect((await kms.macVerify(verify))[0]).toMatchObject({ success: true });
  });

  test('what is destroyed can be deleted: the operation is done, and the name is retired', async () => {
    const [mac] = await kms.createCryptoKey({
      parent: ring,
      cryptoKeyId: 'short',
      cryptoKey: {
        purpose: 'MAC',
        versionTemplate: { algorithm: 'HMAC_SHA256' },
        destroyScheduledDuration: { seconds: 86_400 },
      },
    });
    const name = `${mac.name}/cryptoKeyVersions/1`;
    await kms.destroyCryptoKeyVersion({ name });
    await live.pass(86_400_000);
    while ((await kms.getCryptoKeyVersion({ name }))[0].state !== 'DESTROYED') {
      await live.pass(60_000);
    }
    const [operation] = await kms.deleteCryptoKeyVersion({ name });
    await operation.promise();
    const [deletion] = await kms.deleteCryptoKey({ name: mac.name! });
    await deletion.promise();
    expect(await refusal(kms.getCryptoKey({ name: mac.name! }))).toMatchObject({ code: 5 });
    const [retired] = await kms.listRetiredResources({ parent });
    expect(retired).toContainEqual(
      expect.objectContaining({ originalResource: mac.name, resourceType: expect.any(String) }),
    );
  });
});
