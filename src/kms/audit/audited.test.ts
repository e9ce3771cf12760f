import { describe, expect, test } from 'vitest';
import {
  keyName,
  type KmsBench,
  openKmsBench,
  ringName,
  versionOne,
} from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import { serviceMember } from '../iam/key-access.ts';
import type { KeyCaller } from '../key-service.ts';

const dayMs = 24 * 3_600_000;
const secret = new TextEncoder().encode('not for the log');
const request = { name: keyName, plaintext: secret, additionalAuthenticatedData: secret };
const location = 'projects/p/locations/global';

const last = ({ audit }: KmsBench) => audit.entries.at(-1)!;

describe('an entry', () => {
  test('of Encrypt says who used which key for what, and none of the bytes', async () => {
    const bench = await openKmsBench();
    const member = await bench.service.pubsubServiceAgent('p');
    const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
    await bench.service.setIamPolicy(
      keyName,
      { bindings: [{ role, members: [member] }] },
      operator,
    );
    const caller: KeyCaller = {
      member,
      reason: 'CUSTOMER_INITIATED_ACCESS',
      resource: 'projects/p/topics/t',
      purpose: 'Publish',
    };
    const { ciphertext } = await bench.service.encrypt(request, caller);
    expect(last(bench)).toEqual({
      kind: 'data_access',
      project: 'p',
      serviceName: 'cloudkms.googleapis.com',
      methodName: 'Encrypt',
      resourceName: keyName,
      resource: {
        type: 'cloudkms_cryptokey',
        labels: {
          project_id: 'p',
          location: 'global',
          key_ring_id: 'r',
          crypto_key_id: 'k',
        },
      },
      caller: { principalEmail: member.slice('serviceAccount:'.length) },
      authorization: [
        {
          resource: keyName,
          permission: 'cloudkms.cryptoKeyVersions.useToEncrypt',
          granted: true,
        },
      ],
      reason: { justification: 'CUSTOMER_INITIATED_ACCESS', text: 'Publish' },
      request: {
        '@type': 'type.googleapis.com/google.cloud.kms.v1.EncryptRequest',
        name: keyName,
      },
      response: { name: versionOne },
      metadata: { entries: { caller_provided_context: { resource: 'projects/p/topics/t' } } },
    });
    const opened = { name: keyName, ciphertext, additionalAuthenticatedData: secret };
    await bench.service.decrypt(opened, caller);
    const text = JSON.stringify(bench.audit.entries);
    for (const bytes of [secret, ciphertext]) {
      expect(text).not.toContain(Buffer.from(bytes).toString('base64').slice(0, 16));
      expect(text).not.toContain(Buffer.from(bytes).toString('latin1'));
    }
  });

  test('of a refusal has its status, and says that the permission was not granted', async () => {
    const bench = await openKmsBench();
    const member = await bench.service.pubsubServiceAgent('p');
    const caller = { member, reason: operator.reason };
    await expect(bench.service.encrypt(request, caller)).rejects.toThrow('denied');
    expect(last(bench)).toMatchObject({
      authorization: [{ granted: false }],
      status: { code: 'PERMISSION_DENIED', message: expect.stringContaining('useToEncrypt') },
    });
    await bench.service.updateVersion(versionOne, { state: 'DISABLED' }, operator);
    await expect(bench.service.encrypt(request, operator)).rejects.toThrow('DISABLED');
    expect(last(bench)).toMatchObject({
      caller: { principalEmail: 'anonymous' },
      authorization: [{ granted: true }],
      status: {
        code: 'FAILED_PRECONDITION',
        details: [{ violations: [{ type: 'KEY_DISABLED' }] }],
      },
    });
  });

  test('of what is made is about the thing made; of a list about its parent', async () => {
    const bench = await openKmsBench({ isEmpty: true });
    await bench.service.createKeyRing(location, 'r', operator);
    expect(last(bench)).toMatchObject({
      kind: 'activity',
      methodName: 'CreateKeyRing',
      resourceName: ringName,
      resource: { type: 'cloudkms_keyring', labels: { key_ring_id: 'r' } },
      authorization: [{ resource: location, permission: 'cloudkms.keyRings.create' }],
      request: { parent: location, keyRingId: 'r' },
    });
    await bench.service.listKeyRings(location, { pageSize: 0, pageToken: '' }, operator);
    expect(last(bench)).toMatchObject({
      kind: 'data_access',
      resourceName: location,
      resource: { type: 'audited_resource', labels: { method: 'ListKeyRings' } },
    });
  });

  test('of a version names it in its labels; callers from outside have address and agent', async () => {
    const bench = await openKmsBench();
    const caller = { ...operator, callerIp: '192.0.2.7', userAgent: 'gcloud' };
    await bench.service.destroyVersion(versionOne, false, caller);
    expect(last(bench)).toMatchObject({
      kind: 'activity',
      methodName: 'DestroyCryptoKeyVersion',
      resource: {
        type: 'cloudkms_cryptokeyversion',
        labels: { crypto_key_id: 'k', crypto_key_version_id: '1' },
      },
      caller: { principalEmail: 'anonymous', callerIp: '192.0.2.7', userAgent: 'gcloud' },
      authorization: [{ permission: 'cloudkms.cryptoKeyVersions.destroy' }],
      response: { state: 'DESTROY_SCHEDULED' },
    });
    await bench.clock.advance(30 * dayMs);
    await bench.service.lifecycle.idle();
    expect(last(bench)).toMatchObject({
      kind: 'system_event',
      methodName: 'DestroyCryptoKeyVersion',
      resourceName: versionOne,
      caller: { principalEmail: 'sealpost' },
      response: { state: 'DESTROYED' },
    });
  });

  test('of a key that is made or changed says to what, as its request did', async () => {
    const bench = await openKmsBench();
    const { service, clock } = bench;
    const nextRotationTimeMs = clock.wallMs() + dayMs;
    const rules = { nextRotationTimeMs, rotationPeriodSeconds: 86_400 };
    const versionTemplate = { protectionLevel: 'SOFTWARE' } as const;
    const made = { parent: ringName, id: 'ruled', labels: {}, versionTemplate } as const;
    await service.createCryptoKey(
      {
        ...made,
        ...rules,
        purpose: 'ENCRYPT_DECRYPT',
        destroyScheduledSeconds: 172_800,
        allowedAccessReasons: ['CUSTOMER_INITIATED_ACCESS'],
        skipInitialVersion: false,
      },
      operator,
    );
    const schedule = {
      rotationPeriod: '86400s',
      nextRotationTime: new Date(nextRotationTimeMs).toISOString(),
    };
    expect(last(bench).request).toMatchObject({
      cryptoKeyId: 'ruled',
      cryptoKey: {
        purpose: 'ENCRYPT_DECRYPT',
        versionTemplate,
        ...schedule,
        destroyScheduledDuration: '172800s',
        keyAccessJustificationsPolicy: { allowedAccessReasons: ['CUSTOMER_INITIATED_ACCESS'] },
      },
    });
    const labels = { 'sealpost-destroy-in-use': 'allow' };
    await service.updateCryptoKey(
      keyName,
      { labels, ...rules, allowedAccessReasons: [] },
      ['labels', 'next_rotation_time', 'rotation_period', 'key_access_justifications_policy'],
      operator,
    );
    expect(last(bench).request).toEqual({
      '@type': 'type.googleapis.com/google.cloud.kms.v1.UpdateCryptoKeyRequest',
      cryptoKey: {
        name: keyName,
        labels,
        ...schedule,
        keyAccessJustificationsPolicy: { allowedAccessReasons: [] },
      },
      updateMask: 'labels,next_rotation_time,rotation_period,key_access_justifications_policy',
    });
    // What is refused is recorded too, also a time that is none.
    const forever = { nextRotationTimeMs: 1e18, rotationPeriodSeconds: 86_400 };
    const refused = service.updateCryptoKey(
      keyName,
      forever,
      ['next_rotation_time', 'rotation_period'],
      operator,
    );
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(last(bench).request).toMatchObject({
      cryptoKey: { name: keyName, nextRotationTime: '1000000000000000000' },
    });
  });

  test('of the default key is the service’s own, in a project of its own', async () => {
    const bench = await openKmsBench();
    const own: KeyCaller = { member: serviceMember, reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION' };
    await bench.service.encrypt({ ...request, name: bench.service.defaultKeyName }, own);
    expect(last(bench)).toMatchObject({
      project: 'sealpost-internal',
      caller: { principalEmail: 'sealpost' },
    });
  });

  test('of a name that is none is in no log', async () => {
    const bench = await openKmsBench();
    await expect(bench.service.getCryptoKey('nonsense', operator)).rejects.toThrow('must match');
    expect(bench.audit.entries).toEqual([]);
  });
});

test('a name of a megabyte leaves an entry of a few kilobytes beside the request', async () => {
  const bench = await openKmsBench();
  const member = await bench.service.pubsubServiceAgent('p');
  const name = `${keyName}${'/x'.repeat(500_000)}`;
  for (const caller of [operator, { ...operator, member }]) {
    await expect(bench.service.encrypt({ ...request, name }, caller)).rejects.toThrow();
    // The audit log itself leaves out requests that are too large.
    const { request: _request, ...entry } = last(bench);
    expect(JSON.stringify(entry).length).toBeLessThan(8_192);
  }
});

describe('while the audit log is away', () => {
  test('no use and no read is answered, and plaintext is overwritten', async () => {
    const bench = await openKmsBench();
    const { ciphertext } = await bench.service.encrypt(request, operator);
    bench.audit.isAway = true;
    const away = { code: 'UNAVAILABLE', reason: 'AUDIT_LOG_UNAVAILABLE' };
    const use = { name: keyName, ciphertext, additionalAuthenticatedData: secret };
    await expect(bench.service.encrypt(request, operator)).rejects.toMatchObject(away);
    await expect(bench.service.decrypt(use, operator)).rejects.toMatchObject(away);
    await expect(bench.service.getCryptoKey(keyName, operator)).rejects.toMatchObject(away);
    bench.audit.isAway = false;
    expect((await bench.service.decrypt(use, operator)).plaintext).toEqual(secret);
  });

  test('one change is made and its entry kept, and the next change waits for the log', async () => {
    const bench = await openKmsBench();
    bench.audit.isAway = true;
    await bench.service.updateVersion(versionOne, { state: 'DISABLED' }, operator);
    const second = bench.service.updateVersion(versionOne, { state: 'ENABLED' }, operator);
    await expect(second).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(bench.audit.entries).toEqual([]);
    bench.audit.isAway = false;
    expect((await bench.service.getVersion(versionOne, operator)).state).toBe('DISABLED');
    await bench.service.updateVersion(versionOne, { state: 'ENABLED' }, operator);
    expect(bench.audit.outcomes).toEqual([
      'GetCryptoKeyVersion OK',
      'UpdateCryptoKeyVersion OK',
      'UpdateCryptoKeyVersion OK',
    ]);
  });

  test('a restart brings the entry to the log, once', async () => {
    const bench = await openKmsBench();
    bench.audit.isAway = true;
    await bench.service.updateVersion(versionOne, { state: 'DISABLED' }, operator);
    bench.audit.isAway = false;
    await bench.restart();
    await bench.restart();
    expect(bench.audit.outcomes).toEqual(['UpdateCryptoKeyVersion OK']);
  });
});

test('an entry waits in the key store until the next change, and no longer', async () => {
  const bench = await openKmsBench();
  const waiting = async () =>
    (await bench.keyStore.list('kms/audit-outbox/')).map(({ key }) => key);
  await bench.service.createVersion(keyName, { state: 'ENABLED' }, operator);
  const [first, ...none] = await waiting();
  expect(none).toEqual([]);
  await bench.service.createVersion(keyName, { state: 'ENABLED' }, operator);
  const after = await waiting();
  expect(after).toHaveLength(1);
  expect(after).not.toContain(first);
});

test('of many changes at once few entries wait, so that the log still knows their ids', async () => {
  const bench = await openKmsBench();
  const create = () => bench.service.createKeyRing(location, `r${made++}`, operator);
  let made = 0;
  await Promise.all(Array.from({ length: 300 }, create));
  await bench.clock.settle();
  expect((await bench.keyStore.list('kms/audit-outbox/')).length).toBeLessThanOrEqual(64);
  expect(bench.audit.outcomes.filter((outcome) => outcome === 'CreateKeyRing OK')).toHaveLength(
    300,
  );
});
