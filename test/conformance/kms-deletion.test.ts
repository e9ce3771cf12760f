import { describe, expect, test } from 'vitest';

import { keyClient, type KeyClient } from '../support/key-client.ts';
import { useLiveServer } from '../support/live-server.ts';
import { wireNames } from '../support/wire.ts';
import { missing } from './kms-refusals.ts';

interface Operation {
  readonly name: string;
  readonly metadata: { readonly '@type': string; readonly retiredResource?: string };
}

const live = useLiveServer();
const dayMs = 86_400_000;
const empty = { '@type': 'type.googleapis.com/google.protobuf.Empty' };

/** Until the scheduler, whose hour has come, has destroyed it. */
async function destroyed(keys: KeyClient, name: string): Promise<void> {
  await keys.call('DestroyCryptoKeyVersion', { name });
  await live.pass(dayMs);
  for (;;) {
    const { state } = await keys.call('GetCryptoKeyVersion', { name });
    if (state === 'DESTROYED') return;
    await live.pass(60_000);
  }
}

describe.each(wireNames)('Deletion over %s', (wire) => {
  const keys = keyClient(live, wire);
  const key = (): Promise<string> => keys.key({ destroyScheduledDuration: '86400s' });

  test('a version goes once it is DESTROYED, by an operation that is done', async () => {
    const parent = await key();
    const name = `${parent}/cryptoKeyVersions/1`;
    const early = await keys.refusal('DeleteCryptoKeyVersion', { name });
    expect(early.code).toBe('FAILED_PRECONDITION');
    await destroyed(keys, name);
    expect(await keys.call('GetCryptoKeyVersion', { name })).toMatchObject({
      state: 'DESTROYED',
      destroyEventTime: expect.any(String),
    });
    const operation = await keys.call<Operation>('DeleteCryptoKeyVersion', { name });
    expect(operation).toEqual({
      name: expect.stringContaining(`${keys.location}/operations/`),
      metadata: {
        '@type': 'type.googleapis.com/google.cloud.kms.v1.DeleteCryptoKeyVersionMetadata',
      },
      done: true,
      response: empty,
    });
    expect(await keys.call('GetOperation', { name: operation.name })).toEqual(operation);
    expect(await keys.refusal('GetCryptoKeyVersion', { name })).toEqual(
      missing('CryptoKeyVersion', name),
    );
  });

  test('a key goes "only when all versions are deleted", and its name is retired', async () => {
    const name = await key();
    const [parent, cryptoKeyId] = name.split('/cryptoKeys/');
    expect((await keys.refusal('DeleteCryptoKey', { name })).code).toBe('FAILED_PRECONDITION');
    await destroyed(keys, `${name}/cryptoKeyVersions/1`);
    await keys.call('DeleteCryptoKeyVersion', { name: `${name}/cryptoKeyVersions/1` });
    const { metadata } = await keys.call<Operation>('DeleteCryptoKey', { name });
    expect(metadata).toEqual({
      '@type': 'type.googleapis.com/google.cloud.kms.v1.DeleteCryptoKeyMetadata',
      retiredResource: expect.stringContaining(`${keys.location}/retiredResources/`),
    });
    const retired = await keys.call('GetRetiredResource', { name: metadata.retiredResource });
    expect(retired).toEqual({
      name: metadata.retiredResource,
      originalResource: name,
      resourceType: 'cloudkms.googleapis.com/CryptoKey',
      deleteTime: expect.any(String),
    });
    const { retiredResources } = await keys.call<{ retiredResources: unknown[] }>(
      'ListRetiredResources',
      { parent: keys.location },
    );
    expect(retiredResources).toContainEqual(retired);
    expect(await keys.refusal('GetCryptoKey', { name })).toEqual(missing('CryptoKey', name));
    const cryptoKey = { purpose: 'ENCRYPT_DECRYPT' };
    const again = await keys.refusal('CreateCryptoKey', { parent, cryptoKeyId, cryptoKey });
    expect(again.code).toBe('ALREADY_EXISTS');
  });

  test('an operation that is none is NOT_FOUND', async () => {
    const name = `${keys.location}/operations/none`;
    expect((await keys.refusal('GetOperation', { name })).code).toBe('NOT_FOUND');
  });
});
