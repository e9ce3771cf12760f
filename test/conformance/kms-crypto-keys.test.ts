import { describe, expect, test } from 'vitest';

import { keyClient } from '../support/key-client.ts';
import { freshId } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';
import { badField, exists, missing, unbuilt } from './kms-refusals.ts';

interface Page {
  readonly cryptoKeys?: readonly { readonly name: string }[];
  readonly nextPageToken?: string;
}

const live = useTestedServer();
const purpose = 'ENCRYPT_DECRYPT';
const template = { protectionLevel: 'SOFTWARE', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' };
const time = expect.stringMatching(/^\d{4}-.*Z$/) as string;

describe.each(wireNames)('CryptoKeys over %s', (wire) => {
  const keys = keyClient(live, wire);

  test('"Create a new CryptoKey within a KeyRing": version 1 is its enabled primary', async () => {
    const parent = await keys.keyRing();
    const name = `${parent}/cryptoKeys/made`;
    const labels = { team: 'ledger' };
    const request = { parent, cryptoKeyId: 'made', cryptoKey: { purpose, labels } };
    const created = await keys.call('CreateCryptoKey', request);
    expect(created).toEqual({
      name,
      purpose,
      labels,
      createTime: time,
      versionTemplate: template,
      destroyScheduledDuration: '2592000s',
      primary: {
        name: `${name}/cryptoKeyVersions/1`,
        state: 'ENABLED',
        ...template,
        createTime: time,
        generateTime: time,
      },
    });
    expect(await keys.call('GetCryptoKey', { name })).toEqual(created);
    expect(await keys.refusal('CreateCryptoKey', request)).toEqual(exists('CryptoKey', name));
  });

  test('skip_initial_version_creation: "will create a CryptoKey without any CryptoKeyVersions"', async () => {
    const name = await keys.key({}, { skipInitialVersionCreation: true });
    expect(await keys.call('GetCryptoKey', { name })).not.toHaveProperty('primary');
    expect(await keys.call('ListCryptoKeyVersions', { parent: name })).toEqual({});
  });

  test.each<[Json, string]>([
    [
      { purpose: 'RAW_ENCRYPT_DECRYPT', versionTemplate: { algorithm: 'AES_256_GCM' } },
      'AES_256_GCM',
    ],
    [{ purpose: 'MAC', versionTemplate: { algorithm: 'HMAC_SHA256' } }, 'HMAC_SHA256'],
  ])(
    '%j: "Only keys with purpose ENCRYPT_DECRYPT have a primary"',
    async (cryptoKey, algorithm) => {
      const name = await keys.key(cryptoKey);
      const key = await keys.call('GetCryptoKey', { name });
      expect(key).toMatchObject({ versionTemplate: { protectionLevel: 'SOFTWARE', algorithm } });
      expect(key).not.toHaveProperty('primary');
    },
  );

  test('rotation_period, next_rotation_time, destroy_scheduled_duration and the reasons are kept', async () => {
    const given = {
      nextRotationTime: '2100-01-01T00:00:00Z',
      rotationPeriod: '86400s',
      destroyScheduledDuration: '172800s',
      keyAccessJustificationsPolicy: { allowedAccessReasons: ['CUSTOMER_INITIATED_ACCESS'] },
    };
    const name = await keys.key(given);
    expect(await keys.call('GetCryptoKey', { name })).toMatchObject(given);
  });

  test.each<[string, Json]>([
    ['a purpose must be given', {}],
    ['an algorithm of another purpose', { purpose: 'MAC', versionTemplate: template }],
    [
      'rotation of less than a day',
      { purpose, rotationPeriod: '86399s', nextRotationTime: '2100-01-01T00:00:00Z' },
    ],
    ['rotation without a time', { purpose, rotationPeriod: '86400s' }],
    [
      'rotation by a part of a second',
      { purpose, rotationPeriod: '86400.5s', nextRotationTime: '2100-01-01T00:00:00Z' },
    ],
    ['destruction after less than a day', { purpose, destroyScheduledDuration: '86399s' }],
    ['destruction after more than 120 days', { purpose, destroyScheduledDuration: '10368001s' }],
    ['a label that is none', { purpose, labels: { 'No!': 'x' } }],
  ])('%s: INVALID_ARGUMENT', async (_what, cryptoKey) => {
    const parent = await keys.keyRing();
    const { code, details } = await keys.refusal('CreateCryptoKey', {
      parent,
      cryptoKeyId: 'k',
      cryptoKey,
    });
    expect(code).toBe('INVALID_ARGUMENT');
    expect(details).toHaveLength(1);
    expect(await keys.call('ListCryptoKeys', { parent })).toEqual({});
  });

  test.each<[string, Json]>([
    ['The key purpose ASYMMETRIC_SIGN', { purpose: 'ASYMMETRIC_SIGN' }],
    ['The key purpose ASYMMETRIC_DECRYPT', { purpose: 'ASYMMETRIC_DECRYPT' }],
    ['The key purpose KEY_ENCAPSULATION', { purpose: 'KEY_ENCAPSULATION' }],
    ['The key purpose AES_WRAPPING', { purpose: 'AES_WRAPPING' }],
    [
      'The protection level EXTERNAL_VPC',
      { purpose, versionTemplate: { protectionLevel: 'EXTERNAL_VPC' } },
    ],
    ['The field import_only of CryptoKey', { purpose, importOnly: true }],
  ])('%s: UNIMPLEMENTED', async (what, cryptoKey) => {
    const request = { parent: await keys.keyRing(), cryptoKeyId: 'k', cryptoKey };
    expect(await keys.refusal('CreateCryptoKey', request)).toEqual(unbuilt(what));
  });

  test('what is not there is NOT_FOUND', async () => {
    const parent = await keys.keyRing();
    const name = `${parent}/cryptoKeys/none`;
    expect(await keys.refusal('GetCryptoKey', { name })).toEqual(missing('CryptoKey', name));
    const orphan = { parent: `${parent}0`, cryptoKeyId: 'k', cryptoKey: { purpose } };
    expect(await keys.refusal('CreateCryptoKey', orphan)).toEqual(missing('KeyRing', `${parent}0`));
  });

  test('a list has pages, a filter and an order', async () => {
    const parent = await keys.keyRing();
    for (const cryptoKeyId of ['b', 'a', 'c']) {
      const labels = { kind: cryptoKeyId === 'b' ? 'other' : 'same' };
      await keys.call('CreateCryptoKey', { parent, cryptoKeyId, cryptoKey: { purpose, labels } });
    }
    const ask = async (more: Json): Promise<[string[], string | undefined]> => {
      const page = await keys.call<Page>('ListCryptoKeys', { parent, ...more });
      const ids = (page.cryptoKeys ?? []).map(({ name }) => name.split('/').at(-1)!);
      return [ids, page.nextPageToken];
    };
    const [first, pageToken] = await ask({ pageSize: 2 });
    expect(first).toEqual(['a', 'b']);
    expect(await ask({ pageSize: 2, pageToken })).toEqual([['c'], undefined]);
    expect(await ask({ filter: 'labels.kind=same' })).toEqual([['a', 'c'], undefined]);
    expect(await ask({ orderBy: 'name desc', pageSize: 1 })).toEqual([['c'], expect.any(String)]);
  });

  test('UpdateCryptoKey changes what the mask names, and nothing else', async () => {
    const name = await keys.key({ labels: { a: 'b' } });
    const rotation = { nextRotationTime: '2100-01-01T00:00:00Z', rotationPeriod: '86400s' };
    const cryptoKey = { name, labels: { x: 'y' }, ...rotation };
    const labelled = await keys.call('UpdateCryptoKey', { cryptoKey, updateMask: 'labels' });
    expect(labelled).toMatchObject({ labels: { x: 'y' } });
    expect(labelled).not.toHaveProperty('rotationPeriod');
    const updateMask = 'rotation_period,next_rotation_time';
    const scheduled = await keys.call('UpdateCryptoKey', { cryptoKey, updateMask });
    expect(scheduled).toMatchObject(rotation);
    const cleared = await keys.call('UpdateCryptoKey', { cryptoKey: { name }, updateMask });
    expect(cleared).not.toHaveProperty('rotationPeriod');
    expect(cleared).not.toHaveProperty('nextRotationTime');
    expect(cleared).toMatchObject({ labels: { x: 'y' } });
    expect(await keys.call('GetCryptoKey', { name })).toEqual(cleared);
  });

  test('the algorithm of new versions may change alone', async () => {
    const name = await keys.key({
      purpose: 'MAC',
      versionTemplate: { algorithm: 'HMAC_SHA256' },
    });
    const cryptoKey = { name, versionTemplate: { algorithm: 'HMAC_SHA512' } };
    const updateMask = 'version_template.algorithm';
    expect(await keys.call('UpdateCryptoKey', { cryptoKey, updateMask })).toMatchObject({
      versionTemplate: { protectionLevel: 'SOFTWARE', algorithm: 'HMAC_SHA512' },
    });
    expect(await keys.call('CreateCryptoKeyVersion', { parent: name })).toMatchObject({
      algorithm: 'HMAC_SHA512',
    });
  });

  test.each([
    'purpose',
    'name',
    'primary',
    'create_time',
    'destroy_scheduled_duration',
    'import_only',
  ])('the mask %s: output only or immutable', async (updateMask) => {
    const cryptoKey = { name: await keys.key() };
    const { code, message, details } = await keys.refusal('UpdateCryptoKey', {
      cryptoKey,
      updateMask,
    });
    expect({ code, message, details }).toEqual(
      badField('update_mask', `Request field update_mask has an invalid path: ${updateMask}.`),
    );
  });

  test('a mask that is missing or names no field', async () => {
    const cryptoKey = { name: await keys.key() };
    expect(await keys.refusal('UpdateCryptoKey', { cryptoKey })).toEqual(
      badField('update_mask', 'Request field update_mask must be specified.'),
    );
    expect(await keys.refusal('UpdateCryptoKey', { cryptoKey, updateMask: 'colour' })).toEqual(
      badField('update_mask', 'Request field update_mask has an invalid path: colour.'),
    );
  });

  test('UpdateCryptoKeyPrimaryVersion: also one that is not enabled', async () => {
    const name = await keys.key();
    const cryptoKeyVersion = { state: 'DISABLED' };
    await keys.call('CreateCryptoKeyVersion', { parent: name, cryptoKeyVersion });
    const request = { name, cryptoKeyVersionId: '2' };
    expect(await keys.call('UpdateCryptoKeyPrimaryVersion', request)).toMatchObject({
      primary: { name: `${name}/cryptoKeyVersions/2`, state: 'DISABLED' },
    });
    const none = { name, cryptoKeyVersionId: '3' };
    expect(await keys.refusal('UpdateCryptoKeyPrimaryVersion', none)).toEqual(
      missing('CryptoKeyVersion', `${name}/cryptoKeyVersions/3`),
    );
    const bad = await keys.refusal('UpdateCryptoKeyPrimaryVersion', { name });
    expect(bad).toEqual(
      badField(
        'crypto_key_version_id',
        'Request field crypto_key_version_id must be the number of a version.',
      ),
    );
  });

  test('a key id that is none', async () => {
    const parent = await keys.keyRing();
    const request = { parent, cryptoKeyId: `${freshId('a')}.b`, cryptoKey: { purpose } };
    expect(await keys.refusal('CreateCryptoKey', request)).toEqual(
      badField('crypto_key_id', 'Request field crypto_key_id must match [a-zA-Z0-9_-]{1,63}.'),
    );
  });
});
