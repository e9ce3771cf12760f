import { describe, expect, test } from 'vitest';
import {
  keyName,
  type KmsBench,
  openKmsBench,
  ringName,
  versionOne,
} from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import type { NewCryptoKey, VersionDependents } from '../key-administration.ts';
import type { AccessReason, KeyChange } from '../key-service.ts';

const dayMs = 24 * 3_600_000;
const firstPage = { pageSize: 0, pageToken: '' };
const bytes = new Uint8Array(32);
const cipher = { plaintext: bytes, additionalAuthenticatedData: bytes };

const newKey: NewCryptoKey = {
  parent: ringName,
  id: 'other',
  purpose: 'ENCRYPT_DECRYPT',
  labels: {},
  versionTemplate: { protectionLevel: 'SOFTWARE' },
  skipInitialVersion: false,
};

/** What a KMS caller is told of a version in that state. */
function refusal(state: string, version: string = versionOne): object {
  return {
    code: 'FAILED_PRECONDITION',
    reason: `KEY_${state}`,
    message: `${version} is not enabled, current state is: ${state}.`,
    details: [{ violations: [{ type: `KEY_${state}`, subject: version }] }],
  };
}

/** Runs the lifecycle until that long has passed. */
async function pass({ clock, service }: KmsBench, ms: number): Promise<void> {
  await clock.advance(ms);
  await service.lifecycle.idle();
}

describe('destruction', () => {
  test('waits for 30 days, refuses every use from the first moment, and is final', async () => {
    const bench = await openKmsBench();
    const { service, clock } = bench;
    const { ciphertext } = await service.encrypt({ name: keyName, ...cipher }, operator);
    const decrypt = () =>
      service.decrypt({ name: keyName, ciphertext, additionalAuthenticatedData: bytes }, operator);
    const scheduled = await service.destroyVersion(versionOne, false, operator);
    const destroyTimeMs = clock.wallMs() + 30 * dayMs;
    expect(scheduled).toMatchObject({ state: 'DESTROY_SCHEDULED', destroyTimeMs });
    const waiting = refusal('DESTROY_SCHEDULED');
    await expect(decrypt()).rejects.toMatchObject(waiting);
    const encrypted = service.encrypt({ name: keyName, ...cipher }, operator);
    await expect(encrypted).rejects.toMatchObject(waiting);
    const again = service.destroyVersion(versionOne, false, operator);
    await expect(again).rejects.toMatchObject(waiting);

    await pass(bench, 30 * dayMs - 1);
    expect((await service.getVersion(versionOne, operator)).state).toBe('DESTROY_SCHEDULED');
    await pass(bench, 1);
    const destroyed = await service.getVersion(versionOne, operator);
    expect(destroyed).toMatchObject({ state: 'DESTROYED', destroyEventTimeMs: destroyTimeMs });
    expect(destroyed).not.toHaveProperty('destroyTimeMs');
    await expect(decrypt()).rejects.toMatchObject(refusal('DESTROYED'));
    const restored = service.restoreVersion(versionOne, operator);
    await expect(restored).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'KEY_VERSION_STATE',
      message: `${versionOne} must be in state DESTROY_SCHEDULED, current state is: DESTROYED.`,
    });
    for (const state of ['ENABLED', 'DISABLED'] as const) {
      const changed = service.updateVersion(versionOne, { state }, operator);
      await expect(changed).rejects.toMatchObject({ reason: 'KEY_VERSION_STATE' });
    }
    const twice = service.destroyVersion(versionOne, true, operator);
    await expect(twice).rejects.toMatchObject(refusal('DESTROYED'));
  });

  test('takes as long as its key says, and leaves no material in the store', async () => {
    const bench = await openKmsBench();
    const { service } = bench;
    const key = { ...newKey, destroyScheduledSeconds: 86_400 };
    const { name } = await service.createCryptoKey(key, operator);
    const version = `${name}/cryptoKeyVersions/1`;
    const row = `kms/version/${name}/0000000001`;
    const before = (await bench.keyStore.get(row))!.value.length;
    await service.destroyVersion(version, false, operator);
    await pass(bench, dayMs);
    expect((await service.getVersion(version, operator)).state).toBe('DESTROYED');
    // The wrapped key is gone from the row, and nothing is kept beside it.
    expect((await bench.keyStore.get(row))!.value.length).toBeLessThan(before);
    expect(await bench.keyStore.list('kms/doomed/')).toEqual([]);
    expect(await bench.keyStore.list('kms/compaction/')).toEqual([]);
  });

  test('is taken back until then: the version is DISABLED, and serves once it is enabled', async () => {
    const bench = await openKmsBench();
    const { service } = bench;
    const { ciphertext } = await service.encrypt({ name: keyName, ...cipher }, operator);
    await service.destroyVersion(versionOne, false, operator);
    await pass(bench, 29 * dayMs);
    const restored = await service.restoreVersion(versionOne, operator);
    expect(restored.state).toBe('DISABLED');
    expect(restored).not.toHaveProperty('destroyTimeMs');
    await pass(bench, 5 * dayMs);
    expect((await service.getVersion(versionOne, operator)).state).toBe('DISABLED');
    await service.updateVersion(versionOne, { state: 'ENABLED' }, operator);
    const opened = await service.decrypt(
      { name: keyName, ciphertext, additionalAuthenticatedData: bytes },
      operator,
    );
    expect(opened.plaintext).toEqual(bytes);
    const twice = service.restoreVersion(versionOne, operator);
    await expect(twice).rejects.toMatchObject({ reason: 'KEY_VERSION_STATE' });
  });
});

describe('the guard on destruction', () => {
  const dependents: VersionDependents = {
    dekCount: 2,
    messageCount: 5,
    byteCount: 700,
    topics: Array.from({ length: 12 }, (_, i) => `projects/p/topics/t${i}`),
    latestExpiryMs: Date.UTC(2026, 1, 3),
  };
  const guard = { dependentsOf: async () => dependents };

  test('refuses while messages depend on the version, and says which and until when', async () => {
    const { service } = await openKmsBench({ guard });
    await expect(service.destroyVersion(versionOne, false, operator)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'KEY_VERSION_IN_USE',
      message: expect.stringMatching(
        /2 data encryption keys, 5 messages and 700 bytes of 12 topics \(.*t9 and 2 more\) need it, until 2026-02-03T00:00:00.000Z/,
      ),
      details: [{ violations: [{ type: 'KEY_VERSION_IN_USE', subject: versionOne }] }],
    });
    expect((await service.getVersion(versionOne, operator)).state).toBe('ENABLED');
  });

  test('names services whose images need the version, and no topics where there are none', async () => {
    const services = ['projects/p/locations/l/services/hello'];
    const ofImages = { ...dependents, messageCount: 0, byteCount: 0, topics: [], services };
    const bench = await openKmsBench({
      guard: { dependentsOf: async () => ({ ...ofImages, latestExpiryMs: null }) },
    });
    await expect(bench.service.destroyVersion(versionOne, false, operator)).rejects.toThrow(
      'is in use: 2 data encryption keys, images of 1 service (projects/p/locations/l/services/hello) need it, without a bound.',
    );
  });

  test('gives way to force, and to a label of the key', async () => {
    const forced = await openKmsBench({ guard });
    const version = await forced.service.destroyVersion(versionOne, true, operator);
    expect(version.state).toBe('DESTROY_SCHEDULED');
    const labelled = await openKmsBench({ guard });
    const labels = { 'sealpost-destroy-in-use': 'allow' };
    await labelled.service.updateCryptoKey(keyName, { labels }, ['labels'], operator);
    const other = await labelled.service.destroyVersion(versionOne, false, operator);
    expect(other.state).toBe('DESTROY_SCHEDULED');
  });
});

describe('deletion', () => {
  test('is for destroyed versions and keys without versions, and leaves the names behind', async () => {
    const bench = await openKmsBench();
    const { service, clock } = bench;
    await expect(service.deleteVersion(versionOne, operator)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `${versionOne} must be in state DESTROYED, current state is: ENABLED.`,
    });
    await expect(service.deleteCryptoKey(keyName, operator)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'KEY_HAS_VERSIONS',
    });
    await service.destroyVersion(versionOne, false, operator);
    await pass(bench, 30 * dayMs);
    const operation = await service.deleteVersion(versionOne, operator);
    expect(operation).toMatchObject({ resourceType: 'CryptoKeyVersion' });
    expect(operation.name).toMatch(/^projects\/p\/locations\/global\/operations\/[0-9a-f]{32}$/);
    expect(await service.getOperation(operation.name, operator)).toEqual(operation);
    expect(await service.getRetiredResource(operation.retiredResource, operator)).toEqual({
      name: operation.retiredResource,
      originalResource: versionOne,
      resourceType: 'cloudkms.googleapis.com/CryptoKeyVersion',
      deleteTimeMs: clock.wallMs(),
    });
    const gone = { code: 'NOT_FOUND', message: `CryptoKeyVersion ${versionOne} not found.` };
    await expect(service.getVersion(versionOne, operator)).rejects.toMatchObject(gone);
    expect(await service.getCryptoKey(keyName, operator)).not.toHaveProperty('primary');
    const created = await service.createVersion(keyName, { state: 'ENABLED' }, operator);
    expect(created.name).toBe(`${keyName}/cryptoKeyVersions/2`);
  });

  test('of a key takes its policy along, and its name is not given again', async () => {
    const { service } = await openKmsBench();
    const key = { ...newKey, skipInitialVersion: true };
    const { name } = await service.createCryptoKey(key, operator);
    const bindings = [{ role: 'roles/viewer', members: ['user:a@b.c'] }];
    await service.setIamPolicy(name, { bindings }, operator);
    await service.deleteCryptoKey(name, operator);
    await expect(service.getCryptoKey(name, operator)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(service.getIamPolicy(name, operator)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(service.createCryptoKey(key, operator)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'KMS_NAME_RETIRED',
    });
    const parent = 'projects/p/locations/global';
    const { items } = await service.listRetiredResources(parent, firstPage, operator);
    expect(items.map(({ originalResource }) => originalResource)).toEqual([name]);
  });

  test('of what is not there is NOT_FOUND, for operations and retired resources too', async () => {
    const { service } = await openKmsBench();
    const missing = { code: 'NOT_FOUND' };
    const parent = 'projects/p/locations/global';
    await expect(service.deleteCryptoKey(`${keyName}x`, operator)).rejects.toMatchObject(missing);
    const operation = service.getOperation(`${parent}/operations/x`, operator);
    await expect(operation).rejects.toMatchObject(missing);
    const retired = service.getRetiredResource(`${parent}/retiredResources/x`, operator);
    await expect(retired).rejects.toMatchObject(missing);
    const shape = service.getOperation(`${parent}/retiredResources/x`, operator);
    await expect(shape).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('a key', () => {
  test.each([
    [
      'an algorithm of another purpose',
      { algorithm: 'HMAC_SHA256' },
      {},
      'is not valid for purpose',
    ],
    ['no algorithm for MAC', {}, { purpose: 'MAC' }, 'is required for purpose MAC'],
    ['a period without a time', {}, { rotationPeriodSeconds: 86_400 }, 'next_rotation_time is'],
    ['a time without a period', {}, { nextRotationTimeMs: 1e15 }, 'rotation_period is required'],
    [
      'a period below 24 hours',
      {},
      { rotationPeriodSeconds: 86_399, nextRotationTimeMs: 1e15 },
      'between 86400s and 3153600000s',
    ],
    [
      'a rotation in the past',
      {},
      { rotationPeriodSeconds: 86_400, nextRotationTimeMs: 1 },
      'must be in the future',
    ],
    [
      'a rotation of a MAC key',
      { algorithm: 'HMAC_SHA256' },
      { purpose: 'MAC', rotationPeriodSeconds: 86_400, nextRotationTimeMs: 1e15 },
      'Automatic rotation is not supported',
    ],
    ['a delay below 24 hours', {}, { destroyScheduledSeconds: 86_399 }, 'between 86400s and'],
    ['a delay above 120 days', {}, { destroyScheduledSeconds: 10_368_001 }, 'and 10368000s'],
  ])('with %s is refused', async (_, template, more, message) => {
    const { service } = await openKmsBench();
    const versionTemplate = { ...newKey.versionTemplate, ...template };
    const key = { ...newKey, ...more, versionTemplate } as NewCryptoKey;
    await expect(service.createCryptoKey(key, operator)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });

  test.each(['HSM', 'EXTERNAL'] as const)('of %s needs a provider of it', async (level) => {
    const { service } = await openKmsBench();
    const versionTemplate = { protectionLevel: level };
    const key = { ...newKey, versionTemplate, skipInitialVersion: true };
    await expect(service.createCryptoKey(key, operator)).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: `The protection level ${level} is not configured on this server.`,
    });
  });

  test('changes the fields of a mask, and clears those that come empty', async () => {
    const { service, clock } = await openKmsBench();
    const nextRotationTimeMs = clock.wallMs() + dayMs;
    const schedule = { nextRotationTimeMs, rotationPeriodSeconds: 90 * 86_400 };
    const fields = ['next_rotation_time', 'rotation_period'] as const;
    const update = (change: object, mask: readonly (typeof fields)[number][] = fields) =>
      service.updateCryptoKey(keyName, change, mask, operator);
    expect(await update({ ...schedule, labels: { a: 'b' } })).toMatchObject({
      ...schedule,
      labels: {},
    });
    await expect(update({}, ['rotation_period'])).rejects.toThrow('rotation_period is required');
    expect(await update({})).not.toHaveProperty('nextRotationTimeMs');
    await expect(update({}, [])).rejects.toThrow('update_mask must not be empty');
    const versionTemplate = { protectionLevel: 'HSM' } as const;
    const moved = service.updateCryptoKey(
      keyName,
      { versionTemplate },
      ['version_template'],
      operator,
    );
    await expect(moved).rejects.toThrow('protection_level cannot be changed');
  });

  test('allows the reasons of its policy, and with an empty one none', async () => {
    const { service } = await openKmsBench();
    const allow = (allowedAccessReasons?: readonly AccessReason[]) =>
      service.updateCryptoKey(
        keyName,
        allowedAccessReasons === undefined ? {} : { allowedAccessReasons },
        ['key_access_justifications_policy'],
        operator,
      );
    const encrypt = () => service.encrypt({ name: keyName, ...cipher }, operator);
    const { ciphertext } = await encrypt();
    await allow(['GOOGLE_INITIATED_SYSTEM_OPERATION']);
    const denied = {
      code: 'PERMISSION_DENIED',
      reason: 'KEY_ACCESS_NOT_JUSTIFIED',
      message:
        `The key access justifications policy of ${keyName} does not allow access for the reason ` +
        'CUSTOMER_INITIATED_ACCESS.',
    };
    await expect(encrypt()).rejects.toMatchObject(denied);
    const request = { name: keyName, ciphertext, additionalAuthenticatedData: bytes };
    await expect(service.decrypt(request, operator)).rejects.toMatchObject(denied);
    const system = { ...operator, reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION' } as const;
    await expect(service.decrypt(request, system)).resolves.toBeDefined();
    await allow([]);
    await expect(service.decrypt(request, system)).rejects.toThrow('does not allow access');
    await allow();
    await expect(encrypt()).resolves.toBeDefined();
  });

  test('tells listeners of other reasons at once, as of any change of access', async () => {
    const { service } = await openKmsBench();
    const changes: KeyChange[] = [];
    service.onChange((change) => changes.push(change));
    await service.updateCryptoKey(keyName, { labels: { a: 'b' } }, ['labels'], operator);
    expect(changes).toEqual([]);
    const fields = ['key_access_justifications_policy'] as const;
    await service.updateCryptoKey(keyName, { allowedAccessReasons: [] }, fields, operator);
    expect(changes).toEqual([{ resource: keyName, kind: 'iam' }]);
  });
});

test('a rotation is planned within the years that a timestamp has', async () => {
  const { service } = await openKmsBench();
  const plan = (nextRotationTimeMs: number) =>
    service.updateCryptoKey(
      keyName,
      { nextRotationTimeMs, rotationPeriodSeconds: 86_400 },
      ['next_rotation_time', 'rotation_period'],
      operator,
    );
  const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
  for (const ms of [lastMs + 1, 9e15, 9.3e21]) {
    await expect(plan(ms)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  await expect(plan(lastMs)).resolves.toMatchObject({ nextRotationTimeMs: lastMs });
});

test('names of retired resources and operations are as long as the store can look up', async () => {
  const { service } = await openKmsBench();
  const location = 'projects/p/locations/global';
  const code = 'INVALID_ARGUMENT';
  for (const id of ['x'.repeat(64), 'x'.repeat(5_000_000)]) {
    const retired = service.getRetiredResource(`${location}/retiredResources/${id}`, operator);
    await expect(retired).rejects.toMatchObject({ code });
    const operation = service.getOperation(`${location}/operations/${id}`, operator);
    await expect(operation).rejects.toMatchObject({ code });
  }
  const unknown = service.getOperation(`${location}/operations/x`, operator);
  await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

describe('lists', () => {
  test('are filtered and ordered, in pages that hold each once', async () => {
    const { service } = await openKmsBench();
    for (let i = 0; i < 8; i++) {
      const state = i % 2 === 0 ? 'DISABLED' : 'ENABLED';
      await service.createVersion(keyName, { state }, operator);
    }
    const collect = async (filter: string, orderBy: string): Promise<number[]> => {
      const numbers: number[] = [];
      let pageToken = '';
      do {
        const request = { pageSize: 3, pageToken, filter, orderBy };
        const page = await service.listVersions(keyName, request, operator);
        expect(page.items.length).toBeLessThanOrEqual(3);
        numbers.push(...page.items.map(({ name }) => Number(name.split('/').at(-1))));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      return numbers;
    };
    expect(await collect('state=ENABLED', '')).toEqual([1, 3, 5, 7, 9]);
    expect(await collect('state=ENABLED', 'name desc')).toEqual([9, 7, 5, 3, 1]);
    expect(await collect('', 'name desc')).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await collect('state=DESTROYED', 'name')).toEqual([]);
    await expect(collect('', 'create_time')).rejects.toThrow("order_by must be 'name'");
    await expect(collect('colour=x', '')).rejects.toThrow('at character 1');
  });

  test('take a token in the order that it was given for', async () => {
    const { service } = await openKmsBench();
    await service.createVersion(keyName, { state: 'ENABLED' }, operator);
    const request = { pageSize: 1, pageToken: '' };
    const { nextPageToken: pageToken } = await service.listVersions(keyName, request, operator);
    const turned = { pageSize: 1, pageToken, orderBy: 'name desc' };
    await expect(service.listVersions(keyName, turned, operator)).rejects.toThrow(
      'Request field page_token is invalid.',
    );
  });
});
