import { describe, expect, test } from 'vitest';

import { keyClient } from '../support/key-client.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';
import { badField, unbuilt } from './kms-refusals.ts';

interface Policy {
  readonly etag: string;
  readonly version?: number;
  readonly bindings?: readonly Json[];
}

const live = useTestedServer();
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
const members = ['serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com'];

describe.each(wireNames)('IAMPolicy over %s', (wire) => {
  const keys = keyClient(live, wire);
  const kinds: [string, () => Promise<string>][] = [
    ['a key', () => keys.key()],
    ['a key ring', () => keys.keyRing()],
    ['a project', async () => `${keys.project}-policy`],
  ];

  test.each(kinds)('%s: empty at first, then as it was set', async (_kind, make) => {
    const resource = await make();
    const empty = await keys.call<Policy>('GetIamPolicy', { resource });
    expect(empty).toEqual({ etag: expect.any(String) });
    const policy = { bindings: [{ role, members }], etag: empty.etag };
    const set = await keys.call<Policy>('SetIamPolicy', { resource, policy });
    expect(set).toEqual({ version: 1, etag: expect.any(String), bindings: policy.bindings });
    expect(set.etag).not.toBe(empty.etag);
    expect(await keys.call('GetIamPolicy', { resource })).toEqual(set);
  });

  test('etag: "the policy set fails if another was set since it was read"', async () => {
    const resource = await keys.key();
    const { etag } = await keys.call<Policy>('GetIamPolicy', { resource });
    const policy = { bindings: [{ role, members }], etag };
    await keys.call('SetIamPolicy', { resource, policy });
    const { code, message } = await keys.refusal('SetIamPolicy', { resource, policy });
    expect(code).toBe('ABORTED');
    expect(message).toContain('There were concurrent policy changes.');
    const { etag: _etag, ...blind } = policy;
    await keys.call('SetIamPolicy', { resource, policy: blind });
  });

  test('a condition is stored, and shown to who asks for version 3', async () => {
    const resource = await keys.key();
    const condition = {
      title: 'until',
      expression: 'request.time < timestamp("2100-01-01T00:00:00Z")',
    };
    const bindings = [{ role, members, condition }];
    await keys.call('SetIamPolicy', { resource, policy: { version: 3, bindings } });
    const options = { requestedPolicyVersion: 3 };
    const shown = await keys.call<Policy>('GetIamPolicy', { resource, options });
    expect(shown).toMatchObject({ version: 3, bindings });
    const hidden = await keys.call<Policy>('GetIamPolicy', { resource });
    expect(hidden).toMatchObject({ version: 1 });
    expect(hidden.bindings).toHaveLength(1);
    expect(hidden.bindings![0]).not.toHaveProperty('condition');
    const low = { resource, policy: { version: 1, bindings } };
    expect((await keys.refusal('SetIamPolicy', low)).code).toBe('INVALID_ARGUMENT');
  });

  test.each<[string, Json]>([
    ['a member of no kind', { bindings: [{ role, members: ['nobody'] }] }],
    ['a role that is none', { bindings: [{ role: 'owner', members }] }],
    ['version 2', { version: 2, bindings: [{ role, members }] }],
  ])('%s: INVALID_ARGUMENT', async (_what, policy) => {
    const resource = await keys.key();
    expect((await keys.refusal('SetIamPolicy', { resource, policy })).code).toBe(
      'INVALID_ARGUMENT',
    );
  });

  test('no policy, a mask without bindings, audit configs', async () => {
    const resource = await keys.key();
    expect(await keys.refusal('SetIamPolicy', { resource })).toEqual(
      badField('policy', 'Request field policy must be specified.'),
    );
    const masked = { resource, policy: {}, updateMask: 'etag' };
    expect(await keys.refusal('SetIamPolicy', masked)).toEqual(
      unbuilt('An IAM update mask without bindings'),
    );
    const policy = { auditConfigs: [{ service: 'allServices' }] };
    expect(await keys.refusal('SetIamPolicy', { resource, policy })).toEqual(
      unbuilt('The field audit_configs of Policy'),
    );
  });

  test('TestIamPermissions: of those that were asked about', async () => {
    const resource = await keys.key();
    const permissions = ['cloudkms.cryptoKeyVersions.useToEncrypt'];
    expect(await keys.call('TestIamPermissions', { resource, permissions })).toEqual({
      permissions,
    });
    expect(await keys.call('TestIamPermissions', { resource, permissions: [] })).toEqual({});
  });

  test('a key that is not there has no policy', async () => {
    const resource = `${await keys.keyRing()}/cryptoKeys/none`;
    expect((await keys.refusal('GetIamPolicy', { resource })).code).toBe('NOT_FOUND');
    const policy = { bindings: [{ role, members }] };
    expect((await keys.refusal('SetIamPolicy', { resource, policy })).code).toBe('NOT_FOUND');
  });

  test("policies of Pub/Sub's resources stand on what is there alone, in Pub/Sub's words", async () => {
    for (const kind of ['topics', 'subscriptions', 'snapshots', 'schemas']) {
      const resource = `${keys.project}/${kind}/missing`;
      expect(await keys.refusal('GetIamPolicy', { resource })).toMatchObject({
        code: 'NOT_FOUND',
        message: 'Resource not found (resource=missing).',
      });
    }
  });

  test("the server's own policy is that of organizations/sealpost", async () => {
    const resource = 'organizations/sealpost';
    const policy = { bindings: [{ role: 'roles/sealpost.viewer', members }] };
    const set = await keys.call('SetIamPolicy', { resource, policy });
    const reply = await fetch(`${live.url}/v1/${resource}:getIamPolicy`, { method: 'POST' });
    expect(await reply.json()).toEqual(set);
  });

  test('projects over Resource Manager v3 are the same projects', async () => {
    const resource = `${keys.project}-v3`;
    const policy = { bindings: [{ role, members }] };
    const set = await keys.call('SetIamPolicy', { resource, policy });
    const reply = await fetch(`${live.url}/v3/${resource}:getIamPolicy`, { method: 'POST' });
    expect(await reply.json()).toEqual(set);
  });
});
