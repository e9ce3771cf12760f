import { describe, expect, test } from 'vitest';

import { keyClient } from '../support/key-client.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';
import { badField, lacking, missing, notEnabled } from './kms-refusals.ts';

interface Version {
  readonly name: string;
  readonly state: string;
  readonly destroyTime?: string;
}

const live = useTestedServer();
const dayMs = 86_400_000;

describe.each(wireNames)('CryptoKeyVersions over %s', (wire) => {
  const keys = keyClient(live, wire);
  const state = async (name: string, wanted: string): Promise<Json> =>
    await keys.call('UpdateCryptoKeyVersion', {
      cryptoKeyVersion: { name, state: wanted },
      updateMask: 'state',
    });

  test('"The server will assign the next sequential id", and the primary stays', async () => {
    const parent = await keys.key();
    const second = await keys.call('CreateCryptoKeyVersion', { parent });
    expect(second).toMatchObject({ name: `${parent}/cryptoKeyVersions/2`, state: 'ENABLED' });
    expect(await keys.call('GetCryptoKeyVersion', { name: second['name'] })).toEqual(second);
    expect(await keys.call('GetCryptoKey', { name: parent })).toMatchObject({
      primary: { name: `${parent}/cryptoKeyVersions/1` },
    });
  });

  test('a list has pages, and a filter on states', async () => {
    const parent = await keys.key();
    for (let count = 1; count < 12; count++) await keys.call('CreateCryptoKeyVersion', { parent });
    await state(`${parent}/cryptoKeyVersions/3`, 'DISABLED');
    const ask = async (more: Json): Promise<[number[], string | undefined]> => {
      const page = await keys.call<{ cryptoKeyVersions?: Version[]; nextPageToken?: string }>(
        'ListCryptoKeyVersions',
        { parent, ...more },
      );
      const versions = page.cryptoKeyVersions ?? [];
      return [versions.map(({ name }) => Number(name.split('/').at(-1))), page.nextPageToken];
    };
    const [first, pageToken] = await ask({ pageSize: 10 });
    expect(first).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await ask({ pageToken })).toEqual([[11, 12], undefined]);
    expect(await ask({ filter: 'state=DISABLED' })).toEqual([[3], undefined]);
  });

  test('DISABLED and back: "use of the key is refused until it is enabled again"', async () => {
    const name = await keys.key();
    const version = `${name}/cryptoKeyVersions/1`;
    expect(await state(version, 'DISABLED')).toMatchObject({ state: 'DISABLED' });
    expect(await keys.refusal('Encrypt', { name, plaintext: 'eA==' })).toEqual(
      notEnabled(version, 'DISABLED'),
    );
    expect(await state(version, 'ENABLED')).toMatchObject({ state: 'ENABLED' });
    await keys.call('Encrypt', { name, plaintext: 'eA==' });
  });

  test('destroy: DESTROY_SCHEDULED for the duration of the key, 30 days', async () => {
    const parent = await keys.key();
    const name = `${parent}/cryptoKeyVersions/1`;
    const before = live.clock.wallMs();
    const doomed = await keys.call<Version>('DestroyCryptoKeyVersion', { name });
    expect(doomed.state).toBe('DESTROY_SCHEDULED');
    const destroyMs = Date.parse(doomed.destroyTime!);
    expect(destroyMs).toBeGreaterThanOrEqual(before + 30 * dayMs - 1);
    expect(destroyMs).toBeLessThanOrEqual(live.clock.wallMs() + 30 * dayMs);
    expect(await keys.refusal('Encrypt', { name: parent, plaintext: 'eA==' })).toEqual(
      notEnabled(name, 'DESTROY_SCHEDULED'),
    );
    const again = await keys.refusal('DestroyCryptoKeyVersion', { name });
    expect(again.code).toBe('FAILED_PRECONDITION');
  });

  test('restore: "state will be set to DISABLED, and destroy_time will be cleared"', async () => {
    const name = `${await keys.key()}/cryptoKeyVersions/1`;
    const early = await keys.refusal('RestoreCryptoKeyVersion', { name });
    expect(early.code).toBe('FAILED_PRECONDITION');
    await keys.call('DestroyCryptoKeyVersion', { name });
    const restored = await keys.call('RestoreCryptoKeyVersion', { name });
    expect(restored).toMatchObject({ state: 'DISABLED' });
    expect(restored).not.toHaveProperty('destroyTime');
  });

  test('an update of one that is scheduled is FAILED_PRECONDITION', async () => {
    const name = `${await keys.key()}/cryptoKeyVersions/1`;
    await keys.call('DestroyCryptoKeyVersion', { name });
    const request = { cryptoKeyVersion: { name, state: 'ENABLED' }, updateMask: 'state' };
    const { code, details } = await keys.refusal('UpdateCryptoKeyVersion', request);
    expect(code).toBe('FAILED_PRECONDITION');
    expect(details).toMatchObject([
      { domain: 'cloudkms.googleapis.com' },
      { violations: [{ subject: name }] },
    ]);
  });

  test.each(['DESTROYED', 'DESTROY_SCHEDULED', 'PENDING_GENERATION', undefined])(
    'the state %s cannot be asked for',
    async (wanted) => {
      const name = `${await keys.key()}/cryptoKeyVersions/1`;
      const cryptoKeyVersion = wanted === undefined ? { name } : { name, state: wanted };
      const request = { cryptoKeyVersion, updateMask: 'state' };
      expect(await keys.refusal('UpdateCryptoKeyVersion', request)).toEqual(
        badField(
          'crypto_key_version.state',
          'Request field crypto_key_version.state must be ENABLED or DISABLED.',
        ),
      );
    },
  );

  test.each([undefined, 'name', 'algorithm', 'destroy_time', 'nothing'])(
    'the mask %s is refused',
    async (updateMask) => {
      const name = `${await keys.key()}/cryptoKeyVersions/1`;
      const request = { cryptoKeyVersion: { name, state: 'DISABLED' } };
      const asked = updateMask === undefined ? request : { ...request, updateMask };
      const why =
        updateMask === undefined ? 'must be specified' : `has an invalid path: ${updateMask}`;
      expect(await keys.refusal('UpdateCryptoKeyVersion', asked)).toEqual(
        badField('update_mask', `Request field update_mask ${why}.`),
      );
    },
  );

  test('what is not there is NOT_FOUND, whatever is asked of it', async () => {
    const name = `${await keys.key()}/cryptoKeyVersions/9`;
    const gone = missing('CryptoKeyVersion', name);
    expect(await keys.refusal('GetCryptoKeyVersion', { name })).toEqual(gone);
    expect(await keys.refusal('DestroyCryptoKeyVersion', { name })).toEqual(gone);
    expect(await keys.refusal('RestoreCryptoKeyVersion', { name })).toEqual(gone);
  });

  test('asymmetric keys and imports answer UNIMPLEMENTED by name', async () => {
    const key = await keys.key();
    const service = 'google.cloud.kms.v1.KeyManagementService';
    const ring = key.split('/cryptoKeys/')[0]!;
    expect(await keys.refusal('AsymmetricSign', { name: `${key}/cryptoKeyVersions/1` })).toEqual(
      lacking(`${service}.AsymmetricSign`),
    );
    expect(
      await keys.refusal('CreateImportJob', { parent: ring, importJobId: 'j', importJob: {} }),
    ).toEqual(lacking(`${service}.CreateImportJob`));
  });
});
