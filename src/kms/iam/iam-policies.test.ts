import { describe, expect, test } from 'vitest';
import { keyName, openKmsBench, ringName } from '../../../test/support/embedded-kms.ts';

const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
const binding = (...members: string[]) => ({ role, members });

describe('IAM policies', () => {
  test('begin empty under the etag ACAB, and get another etag with each write', async () => {
    const { policies } = (await openKmsBench()).service;
    expect(await policies.get(keyName)).toEqual({ version: 1, etag: 'ACAB', bindings: [] });
    const one = await policies.set(keyName, { bindings: [binding('user:a@b.c')] });
    expect(one).toEqual({
      version: 1,
      etag: 'BwAAAAAAAAE=',
      bindings: [{ role, members: ['user:a@b.c'] }],
    });
    expect(await policies.get(keyName)).toEqual(one);
    const two = await policies.set(keyName, { etag: one.etag, bindings: [] });
    expect(two.etag).not.toBe(one.etag);
    expect(await policies.get(ringName)).toMatchObject({ etag: 'ACAB' });
  });

  test('a stale etag is ABORTED with the sentence that clients retry on', async () => {
    const { policies } = (await openKmsBench()).service;
    const { etag } = await policies.set(keyName, { bindings: [] });
    for (const stale of ['ACAB', 'BwAAAAAAAAI=', 'nonsense!']) {
      await expect(policies.set(keyName, { etag: stale, bindings: [] })).rejects.toMatchObject({
        code: 'ABORTED',
        reason: 'ETAG_MISMATCH',
        message:
          'There were concurrent policy changes. Please retry the whole read-modify-write with ' +
          `exponential backoff. The request's ETag '${stale}' did not match the current policy's ETag '${etag}'.`,
      });
    }
  });

  test('of many read-modify-writes at once one wins, and retries lose none', async () => {
    const { policies } = (await openKmsBench()).service;
    const first = await policies.get(keyName);
    const members = Array.from({ length: 8 }, (_, i) => `user:u${i}@b.c`);
    const race = await Promise.allSettled(
      members.map((member) =>
        policies.set(keyName, { etag: first.etag, bindings: [binding(member)] }),
      ),
    );
    expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const lost of race.filter(({ status }) => status === 'rejected')) {
      expect(lost).toMatchObject({ reason: { code: 'ABORTED' } });
    }
    const add = async (member: string): Promise<void> => {
      const { etag, bindings } = await policies.get(keyName);
      const all = [...(bindings[0]?.members ?? []), member];
      await policies
        .set(keyName, { etag, bindings: [binding(...all)] })
        .catch((error: { code: string }) => {
          expect(error.code).toBe('ABORTED');
          return add(member);
        });
    };
    await Promise.all(members.map(add));
    expect((await policies.get(keyName)).bindings[0]!.members.toSorted()).toEqual(members);
  });

  test('bindings of one role are joined, members kept once, empty ones dropped', async () => {
    const { policies } = (await openKmsBench()).service;
    const { bindings } = await policies.set(keyName, {
      version: 3,
      bindings: [
        binding('user:a@b.c'),
        binding('user:d@e.f', 'user:a@b.c'),
        { role: 'roles/viewer', members: [] },
      ],
    });
    expect(bindings).toEqual([{ role, members: ['user:a@b.c', 'user:d@e.f'] }]);
  });

  test('what cannot be enforced or understood is refused, and changes nothing', async () => {
    const { policies } = (await openKmsBench()).service;
    await expect(policies.set(keyName, { bindings: [binding('a@b.c')] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        'The member a@b.c is of an unknown type. Please set a valid type prefix for the member.',
    });
    const many = Array.from({ length: 1501 }, (_, i) => `user:${i}@b.c`);
    const wrong = [
      { version: 2, bindings: [] },
      { bindings: [{ ...binding('user:a@b.c'), role: 'owner' }] },
      { bindings: [binding(...many)] },
    ];
    for (const policy of wrong) {
      await expect(policies.set(keyName, policy)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    expect((await policies.get(keyName)).etag).toBe('ACAB');
  });

  test('stand on projects, and on rings and keys that exist, and on nothing else', async () => {
    const { policies } = (await openKmsBench()).service;
    await expect(policies.get(`${keyName}x`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(policies.set(`${ringName}x`, { bindings: [] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(policies.get(`${keyName}/cryptoKeyVersions/1`)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('testIamPermissions grants all that is a permission, and refuses wildcards', async () => {
    const { policies } = (await openKmsBench()).service;
    const asked = ['cloudkms.cryptoKeys.get', 'cloudkms.cryptoKeyVersions.useToEncrypt'];
    expect(await policies.test(keyName, asked)).toEqual(asked);
    await expect(policies.test(keyName, ['cloudkms.*'])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
