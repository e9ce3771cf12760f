import { describe, expect, test } from 'vitest';
import {
  type KmsBench,
  keyName,
  openKmsBench,
  ringName,
  testRootKey,
  versionOne,
} from '../../test/support/embedded-kms.ts';
import { silentLogger } from '../runtime/index.ts';
import { startKeyService } from './start-key-service.ts';
import { operatorMember, serviceMember } from './iam/key-access.ts';
import type { KeyCaller, KeyChange } from './key-service.ts';
import { reservedKeyRing } from './reserved-project.ts';
import { operatorOf } from '../../test/support/operator-keys.ts';

const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };
const aad = new TextEncoder().encode('topic');
const secret = new TextEncoder().encode('thirty-two bytes of a secret DEK');
const firstPage = { pageSize: 0, pageToken: '' };

function encrypt({ service }: KmsBench, name = keyName, caller = operator) {
  return service.encrypt({ name, plaintext: secret, additionalAuthenticatedData: aad }, caller);
}

function decrypt({ service }: KmsBench, ciphertext: Uint8Array, name = keyName, caller = operator) {
  return service.decrypt({ name, ciphertext, additionalAuthenticatedData: aad }, caller);
}

function listen({ service }: KmsBench): KeyChange[] {
  const changes: KeyChange[] = [];
  service.onChange((change) => changes.push(change));
  return changes;
}

function refusal(code: string, message: string): unknown {
  return expect.objectContaining({ code, message });
}

describe('rings, keys and versions', () => {
  test('a key has its first version as primary, and shows its state', async () => {
    const bench = await openKmsBench();
    const key = await operatorOf(bench.service).cryptoKeys.get(keyName);
    expect(key).toEqual({
      name: keyName,
      purpose: 'ENCRYPT_DECRYPT',
      createTimeMs: bench.clock.wallMs(),
      labels: {},
      versionTemplate: { protectionLevel: 'SOFTWARE', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' },
      destroyScheduledSeconds: 2_592_000,
      primary: {
        name: versionOne,
        state: 'ENABLED',
        protectionLevel: 'SOFTWARE',
        algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
        createTimeMs: bench.clock.wallMs(),
        generateTimeMs: bench.clock.wallMs(),
      },
    });
    await operatorOf(bench.service).versions.updateState(versionOne, 'DISABLED');
    expect((await operatorOf(bench.service).cryptoKeys.get(keyName)).primary?.state).toBe(
      'DISABLED',
    );
  });

  test('what is missing and what is there twice answer with Cloud KMS texts', async () => {
    const { service } = await openKmsBench();
    const { cryptoKeys, keyRings, versions } = operatorOf(service);
    const none = { labels: {}, skipInitialVersion: false };
    await expect(keyRings.create('projects/p/locations/global', 'r')).rejects.toEqual(
      refusal('ALREADY_EXISTS', `KeyRing ${ringName} already exists.`),
    );
    await expect(cryptoKeys.create({ parent: ringName, id: 'k', ...none })).rejects.toEqual(
      refusal('ALREADY_EXISTS', `CryptoKey ${keyName} already exists.`),
    );
    await expect(cryptoKeys.create({ parent: `${ringName}x`, id: 'k', ...none })).rejects.toEqual(
      refusal('NOT_FOUND', `KeyRing ${ringName}x not found.`),
    );
    await expect(cryptoKeys.get(`${keyName}x`)).rejects.toEqual(
      refusal('NOT_FOUND', `CryptoKey ${keyName}x not found.`),
    );
    await expect(versions.get(`${keyName}/cryptoKeyVersions/2`)).rejects.toEqual(
      refusal('NOT_FOUND', `CryptoKeyVersion ${keyName}/cryptoKeyVersions/2 not found.`),
    );
    await expect(cryptoKeys.updatePrimaryVersion(keyName, 9)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('versions count up, ten after nine, and a new one is not primary by itself', async () => {
    const { service } = await openKmsBench();
    for (let i = 0; i < 10; i++) await operatorOf(service).versions.create(keyName);
    const page = await operatorOf(service).versions.list(keyName, firstPage);
    const numbers = page.items.map(({ name }) => Number(name.split('/').at(-1)));
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect((await operatorOf(service).cryptoKeys.get(keyName)).primary?.name).toBe(versionOne);
    const key = await operatorOf(service).cryptoKeys.updatePrimaryVersion(keyName, 11);
    expect(key.primary?.name).toBe(`${keyName}/cryptoKeyVersions/11`);
  });

  test('versions made at once get a number each', async () => {
    const { service } = await openKmsBench();
    const made = await Promise.all(
      Array.from({ length: 5 }, () => operatorOf(service).versions.create(keyName)),
    );
    expect(new Set(made.map(({ name }) => name)).size).toBe(5);
  });

  test('pages hold every key once, in byte order, and a token serves only its own list', async () => {
    const { service } = await openKmsBench({ isEmpty: true });
    const parent = 'projects/p/locations/global';
    for (const id of ['r', 'r2']) await operatorOf(service).keyRings.create(parent, id);
    const ids = ['b', 'a', 'Z', '_', '9'];
    for (const id of ids) {
      const key = { labels: {}, skipInitialVersion: true };
      await operatorOf(service).cryptoKeys.create({ parent: ringName, id, ...key });
    }
    const seen: string[] = [];
    let pageToken = '';
    let token = '';
    do {
      const page = await operatorOf(service).cryptoKeys.list(ringName, { pageSize: 2, pageToken });
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ name }) => name.split('/').at(-1)!));
      token = pageToken || token;
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(seen).toEqual(['9', 'Z', '_', 'a', 'b']);
    const invalid = refusal('INVALID_ARGUMENT', 'Request field page_token is invalid.');
    for (const wrong of [token, 'x', '%%', '\u0000']) {
      const other = { pageSize: 2, pageToken: wrong };
      await expect(operatorOf(service).cryptoKeys.list(`${ringName}2`, other)).rejects.toEqual(
        invalid,
      );
    }
    await expect(
      operatorOf(service).keyRings.list(parent, { pageSize: -1, pageToken: '' }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('changes', () => {
  test('listeners hear of a change when it is stored, and before it is answered', async () => {
    const bench = await openKmsBench();
    const seen: unknown[] = [];
    let answered = false;
    const row = `kms/version/${keyName}/0000000001`;
    const before = (await bench.keyStore.get(row))!.version;
    bench.service.onChange((change) => {
      seen.push([change, answered, bench.keyStore.get(row)]);
    });
    await operatorOf(bench.service)
      .versions.updateState(versionOne, 'DISABLED')
      .then(() => (answered = true));
    const [[change, wasAnswered, stored]] = seen as [[KeyChange, boolean, Promise<unknown>]];
    expect(change).toEqual({ resource: keyName, kind: 'versionState' });
    expect(wasAnswered).toBe(false);
    expect(await stored).toMatchObject({ version: before + 1 });
  });

  test('a refused write changes nothing, and nobody hears of it', async () => {
    const bench = await openKmsBench();
    const changes = listen(bench);
    bench.faults.next(...Array.from({ length: 10 }, () => 'conflict' as const));
    await expect(
      operatorOf(bench.service).versions.updateState(versionOne, 'DISABLED'),
    ).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(changes).toEqual([]);
    await expect(encrypt(bench)).resolves.toBeDefined();
  });

  test('a write whose end is unknown fails, but is announced: it may have landed', async () => {
    const bench = await openKmsBench();
    const changes = listen(bench);
    bench.faults.next('unknown-landed');
    await expect(
      operatorOf(bench.service).versions.updateState(versionOne, 'DISABLED'),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'KEY_STORE_UNAVAILABLE',
    });
    expect(changes).toEqual([{ resource: keyName, kind: 'versionState' }]);
    await expect(encrypt(bench)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  test('a full store is RESOURCE_EXHAUSTED', async () => {
    const bench = await openKmsBench();
    bench.faults.next('full');
    await expect(operatorOf(bench.service).versions.create(keyName)).rejects.toEqual(
      refusal('RESOURCE_EXHAUSTED', 'The key store is full.'),
    );
  });

  test('primary and IAM changes name the key or the ring; a listener that fails harms nobody', async () => {
    const bench = await openKmsBench();
    bench.service.onChange(() => {
      throw new Error('planned');
    });
    const changes = listen(bench);
    await operatorOf(bench.service).versions.create(keyName);
    await operatorOf(bench.service).cryptoKeys.updatePrimaryVersion(keyName, 2);
    await bench.service.policies.set(ringName, { bindings: [] }, operator);
    await bench.service.policies.set(keyName, { bindings: [] }, operator);
    expect(changes).toEqual([
      { resource: keyName, kind: 'primary' },
      { resource: ringName, kind: 'iam' },
      { resource: keyName, kind: 'iam' },
    ]);
  });

  test('asking for the state that a version has changes nothing', async () => {
    const bench = await openKmsBench();
    const changes = listen(bench);
    await operatorOf(bench.service).versions.updateState(versionOne, 'ENABLED');
    expect(changes).toEqual([]);
  });

  test('who stopped listening hears nothing more', async () => {
    const bench = await openKmsBench();
    const changes: KeyChange[] = [];
    const stop = bench.service.onChange((change) => changes.push(change));
    stop();
    await operatorOf(bench.service).versions.updateState(versionOne, 'DISABLED');
    expect(changes).toEqual([]);
  });
});

describe('the default key', () => {
  test('serves the service without a binding, and no API reaches it', async () => {
    const bench = await openKmsBench();
    const { service } = bench;
    const name = service.defaultKeyName;
    const reason = 'GOOGLE_INITIATED_SYSTEM_OPERATION' as const;
    const own: KeyCaller = { member: serviceMember, reason };
    const agent: KeyCaller = { member: await service.pubsubServiceAgent('p'), reason };
    const { ciphertext } = await encrypt(bench, name, own);
    expect((await decrypt(bench, ciphertext, name, own)).plaintext).toEqual(secret);
    const ring = name.slice(0, name.indexOf('/cryptoKeys'));
    const denied = { code: 'PERMISSION_DENIED' };
    await expect(encrypt(bench, name)).rejects.toMatchObject(denied);
    await expect(decrypt(bench, ciphertext, name)).rejects.toMatchObject(denied);
    await expect(encrypt(bench, name, agent)).rejects.toMatchObject(denied);
    await expect(decrypt(bench, ciphertext, name, agent)).rejects.toMatchObject(denied);
    await expect(encrypt(bench, keyName, own)).rejects.toMatchObject(denied);
    const attempts = [
      operatorOf(service).keyRings.get(ring),
      operatorOf(service).keyRings.list('projects/sealpost-internal/locations/global', firstPage),
      operatorOf(service).keyRings.create('projects/sealpost-internal/locations/global', 'x'),
      operatorOf(service).cryptoKeys.get(name),
      operatorOf(service).cryptoKeys.list(ring, firstPage),
      operatorOf(service).cryptoKeys.updateLabels(name, {}),
      operatorOf(service).cryptoKeys.updatePrimaryVersion(name, 1),
      operatorOf(service).versions.create(name),
      operatorOf(service).versions.list(name, firstPage),
      operatorOf(service).versions.updateState(`${name}/cryptoKeyVersions/1`, 'DISABLED'),
      service.policies.set(name, { bindings: [] }, operator),
      service.policies.get(ring, operator),
      service.projects.get('sealpost-internal'),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: denied });
    }
  });

  test('is the same key after a new start, and opens what it sealed', async () => {
    const bench = await openKmsBench();
    const member: KeyCaller = { member: serviceMember, reason: operator.reason };
    const name = bench.service.defaultKeyName;
    const { ciphertext } = await encrypt(bench, name, member);
    const service = await startKeyService({ ...bench, log: silentLogger });
    expect((await decrypt({ ...bench, service }, ciphertext, name, member)).plaintext).toEqual(
      secret,
    );
  });
});

describe('the store', () => {
  test('sealed under another root key is refused by the names of both', async () => {
    const bench = await openKmsBench();
    const rootKey = testRootKey(99);
    await expect(startKeyService({ ...bench, rootKey, log: silentLogger })).rejects.toThrow(
      new RegExp(`Wrong root key: .*by root key ${bench.rootKey.id}.*${rootKey.id}`),
    );
  });

  test('rows that were changed or swapped are DATA_LOSS, with the row named', async () => {
    const bench = await openKmsBench();
    await operatorOf(bench.service).versions.create(keyName);
    const [one, two] = ['0000000001', '0000000002'].map((n) => `kms/version/${keyName}/${n}`);
    const row = (await bench.keyStore.get(one!))!;
    const lost = {
      code: 'DATA_LOSS',
      reason: 'KEY_STORE_DAMAGED',
      message: `The key store holds a damaged record: ${one}.`,
    };
    const swapped = (await bench.keyStore.get(two!))!.value;
    const changed = row.value.slice();
    changed[changed.length >> 1]! ^= 1;
    for (const value of [swapped, changed, new Uint8Array(0), row.value]) {
      await bench.keyStore.txn([], [{ key: one!, value }]);
      await expect(encrypt(bench)).rejects.toMatchObject(lost);
      await expect(operatorOf(bench.service).versions.get(versionOne)).rejects.toMatchObject(lost);
    }
  });

  test.each([
    ['alone', []],
    ['and of its ring', [`kms/ring/${reservedKeyRing}`]],
  ])('that lost the row of the default key %s is refused by its name', async (_, others) => {
    const bench = await openKmsBench();
    const name = bench.service.defaultKeyName;
    const lost = [`kms/key/${name}`, ...others];
    for (const key of lost) expect(await bench.keyStore.get(key)).not.toBeNull();
    const writes = lost.map((key) => ({ key, value: null }));
    await bench.keyStore.txn([], writes);
    await expect(startKeyService({ ...bench, log: silentLogger })).rejects.toMatchObject({
      code: 'DATA_LOSS',
      reason: 'KEY_STORE_DAMAGED',
      message: expect.stringContaining(`the row of ${name} is gone`),
    });
    expect(await bench.keyStore.get(`kms/key/${name}`)).toBeNull();
  });

  test('holds neither key bytes, nor state, labels or bindings in the clear', async () => {
    const bench = await openKmsBench();
    await operatorOf(bench.service).cryptoKeys.updateLabels(keyName, { team: 'ledger' });
    for (const { key, value } of await bench.keyStore.list('')) {
      const text = Buffer.from(value).toString('latin1');
      expect(text, key).not.toMatch(/ENABLED|ledger|wrappedKey|projectNumber/);
    }
  });
});

describe('projects', () => {
  test('a number is 12 digits, stays, and finds its project', async () => {
    const { service } = await openKmsBench();
    const [one, again, other] = [
      await service.projects.get('p'),
      await service.projects.get('p'),
      await service.projects.get('example.com:legacy'),
    ];
    expect(one.projectNumber).toMatch(/^[1-9][0-9]{11}$/);
    expect(again).toEqual(one);
    expect(other.projectNumber).not.toBe(one.projectNumber);
    expect((await service.projects.get(one.projectNumber)).projectId).toBe('p');
    expect(await service.pubsubServiceAgent('p')).toBe(
      `serviceAccount:service-${one.projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`,
    );
    expect(await service.pubsubServiceAgent(one.projectNumber)).toBe(
      await service.pubsubServiceAgent('p'),
    );
    await expect(service.projects.get('123')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('asked for at once by many, a project gets one number', async () => {
    const { service } = await openKmsBench();
    const all = await Promise.all(Array.from({ length: 8 }, () => service.projects.get('new')));
    expect(new Set(all.map(({ projectNumber }) => projectNumber)).size).toBe(1);
  });
});

test('the observer is told of each call, how it ended and how long it took', async () => {
  const bench = await openKmsBench();
  await encrypt(bench);
  await expect(encrypt(bench, `${keyName}x`)).rejects.toThrow('not found');
  expect(bench.calls).toEqual([
    { operation: 'Encrypt', code: 'OK', ms: 0 },
    { operation: 'Encrypt', code: 'NOT_FOUND', ms: 0 },
  ]);
});
