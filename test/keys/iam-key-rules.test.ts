import { describe, expect, test } from 'vitest';

import { freshId, LiveApi, liveApi, liveGrpc } from '../support/live-api.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { LivePolicies } from '../support/live-policies.ts';
import { useLiveServer } from '../support/live-server.ts';
import { wireNames } from '../support/wire.ts';

describe('--require-cmek and --cmek-key-projects', () => {
  const live = useLiveServer(['--require-cmek', '--cmek-key-projects', 'under:projects/vault']);
  const grpc = liveGrpc(live);
  const keys = new LiveKeys(() => live.url);
  const nonCmek = 'constraints/gcp.restrictNonCmekServices';
  const keyProjects = 'constraints/gcp.restrictCmekCryptoKeyProjects';

  test.each(wireNames)('a topic without a key is refused over %s', async (wire) => {
    const api = liveApi(live, wire);
    const refusal = await api.detailed('CreateTopic', { name: api.topicName('keyless') });
    expect(refusal).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(
        `Constraint ${nonCmek} violated for ${api.project}`,
      ) as unknown,
      details: expect.arrayContaining([
        expect.objectContaining({
          violations: [
            expect.objectContaining({ type: nonCmek, subject: `orgpolicy:${api.project}` }),
          ],
        }),
      ]) as unknown,
    });
    expect((await api.refusal('GetTopic', { topic: api.topicName('keyless') })).code).toBe(
      'NOT_FOUND',
    );
  });

  test('a key of a project on the list is taken, one of another is not, nor is its removal', async () => {
    const api = new LiveApi(grpc, 'projects/shop');
    const inside = await keys.createGranted('projects/vault');
    await keys.grant(inside, api.project);
    const outside = await keys.createGranted(api.project);
    const refused = { name: api.topicName('outside'), kmsKeyName: outside.name };
    expect(await api.refusal('CreateTopic', refused)).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(keyProjects) as unknown,
    });
    const name = await api.topic({ kmsKeyName: inside.name });
    const update = (topic: object, updateMask: string) =>
      api.refusal('UpdateTopic', { topic: { name, ...topic }, updateMask });
    expect(await update({ kmsKeyName: outside.name }, 'kmsKeyName')).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(keyProjects) as unknown,
    });
    expect(await update({}, 'kmsKeyName')).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(nonCmek) as unknown,
    });
    expect(await api.call('GetTopic', { topic: name })).toMatchObject({ kmsKeyName: inside.name });
    const labels = { team: 'blue' };
    await api.call('UpdateTopic', { topic: { name, labels }, updateMask: 'labels' });
  });
});

describe('rules that come later', () => {
  const live = useLiveServer();
  const api = new LiveApi(liveGrpc(live), 'projects/old');

  /** Both policies hold for what is created or changed (Cloud KMS, CMEK organization policies). */
  test('leave what is there served and changeable, and the diagnosis tells of it', async () => {
    const name = await api.topic();
    await live.restart(['--require-cmek']);
    await api.publish(name, 'still served');
    const labels = { team: 'blue' };
    await api.call('UpdateTopic', { topic: { name, labels }, updateMask: 'labels' });
    await api.call('UpdateTopic', { topic: { name }, updateMask: 'kmsKeyName' });
    const reply = await fetch(`${live.url}/sealpost/v1/${name}:diagnose`);
    const { findings } = (await reply.json()) as { findings: unknown[] };
    expect(findings).toContainEqual({
      severity: 'warning',
      reason: 'ORG_POLICY_VIOLATED',
      message: expect.stringContaining('could not be created today') as unknown,
    });
  });
});

describe('--auto-grant', () => {
  const live = useLiveServer(['--auto-grant']);
  const grpc = liveGrpc(live);
  const keys = new LiveKeys(() => live.url);
  const policies = new LivePolicies(() => live.url);

  test('gives the agent the role on the key that a new topic names, once', async () => {
    const api = new LiveApi(grpc, `projects/${freshId('dev')}`);
    const key = await keys.create(`projects/${freshId('keeper')}`);
    const name = await api.topic({ kmsKeyName: key.name });
    const { etag, bindings } = await policies.get(key.name);
    expect(bindings).toEqual([
      {
        role: 'roles/cloudkms.cryptoKeyEncrypterDecrypter',
        members: [await policies.pubsubAgent(api.project)],
      },
    ]);
    await api.publish(name, 'sealed');
    await api.topic({ kmsKeyName: key.name });
    expect((await policies.get(key.name)).etag).toBe(etag);
  });

  test('is in the audit log of the key as the server’s own, with its reason', async () => {
    const api = new LiveApi(grpc, `projects/${freshId('dev')}`);
    const keeper = `projects/${freshId('keeper')}`;
    const key = await keys.create(keeper);
    const topic = await api.topic({ kmsKeyName: key.name });
    const body = {
      resourceNames: [keeper],
      filter:
        'protoPayload.methodName="SetIamPolicy" AND protoPayload.authenticationInfo.principalEmail="sealpost"',
    };
    const reply = await fetch(`${live.url}/v2/entries:list`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { entries } = (await reply.json()) as { entries: { protoPayload: object }[] };
    expect(entries.map(({ protoPayload }) => protoPayload)).toMatchObject([
      {
        serviceName: 'cloudkms.googleapis.com',
        resourceName: key.name,
        authorizationInfo: [{ permission: 'cloudkms.cryptoKeys.setIamPolicy', granted: true }],
      },
    ]);
    expect(JSON.stringify(entries)).toContain('auto-grant');
    expect(JSON.stringify(entries)).toContain(topic);
  });

  test('does so when the key of a topic is changed, and keeps what others were granted', async () => {
    const api = new LiveApi(grpc, `projects/${freshId('dev')}`);
    const key = await keys.create(api.project);
    await policies.grant(key.name, 'user:a@b.c', { title: 'never', expression: 'false' });
    const name = await api.topic();
    await api.call('UpdateTopic', {
      topic: { name, kmsKeyName: key.name },
      updateMask: 'kmsKeyName',
    });
    const { bindings } = await policies.get(key.name);
    expect(bindings?.map(({ members }) => members)).toEqual([
      ['user:a@b.c'],
      [await policies.pubsubAgent(api.project)],
    ]);
  });

  test('does not make keys, nor reach for the service’s own', async () => {
    const api = new LiveApi(grpc, `projects/${freshId('dev')}`);
    for (const kmsKeyName of [
      `${api.project}/locations/global/keyRings/none/cryptoKeys/none`,
      'projects/sealpost-internal/locations/global/keyRings/sealpost/cryptoKeys/default',
    ]) {
      const request = { name: api.topicName('refused'), kmsKeyName };
      expect((await api.refusal('CreateTopic', request)).code).toBe('FAILED_PRECONDITION');
    }
  });
});
