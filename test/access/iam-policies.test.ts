import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AccountServer } from '../support/account-server.ts';

const project = 'projects/shop';
const topic = `${project}/topics/orders`;
const failed = `${project}/topics/failed`;
const kitchen = `${project}/subscriptions/kitchen`;
const clerk = `${project}/subscriptions/clerk`;
const message = { messages: [{ data: 'c291cA==' }] };

const guarded = new AccountServer();
beforeAll(async () => {
  await guarded.start(['publisher', 'reader', 'visitor']);
  await guarded.administer('PUT', `/v1/${topic}`, {});
  await guarded.administer('PUT', `/v1/${failed}`, {});
  await guarded.administer('PUT', `/v1/${kitchen}`, { topic });
  await guarded.administer('PUT', `/v1/${clerk}`, { topic: failed });
});
afterAll(() => guarded.stop());

const publish = (name: string, to: string = topic) =>
  guarded.call(name, 'POST', `/v1/${to}:publish`, message);
const getPolicy = (resource: string, version = 0) =>
  guarded.administer(
    'GET',
    `/v1/${resource}:getIamPolicy?options.requestedPolicyVersion=${version}`,
  );

describe("the policy of one of Pub/Sub's resources", () => {
  test('is empty under ACAB at first, and gets another etag with each write', async () => {
    const name = `${project}/topics/fresh`;
    await guarded.administer('PUT', `/v1/${name}`, {});
    expect(await getPolicy(name)).toEqual({ etag: 'ACAB' });
    const binding = { role: 'roles/pubsub.publisher', members: [guarded.member('visitor')] };
    const set = await guarded.administer('POST', `/v1/${name}:setIamPolicy`, {
      policy: { etag: 'ACAB', bindings: [binding] },
    });
    expect(set).toEqual({ version: 1, etag: 'BwAAAAAAAAE=', bindings: [binding] });
    const stale = await guarded.call('administrator', 'POST', `/v1/${name}:setIamPolicy`, {
      policy: { etag: 'ACAB', bindings: [] },
    });
    expect(stale).toMatchObject({ status: 409, body: { error: { status: 'ABORTED' } } });
  });

  test('lets in who has a role on it, there alone, and keeps him out as soon as it is taken away', async () => {
    expect((await publish('publisher')).status).toBe(403);
    await guarded.grant(topic, 'roles/pubsub.publisher', 'publisher');
    expect((await publish('publisher')).status).toBe(200);
    expect((await publish('publisher', failed)).status).toBe(403);
    await guarded.grant(topic, 'roles/pubsub.publisher', 'visitor');
    expect((await publish('publisher')).status).toBe(403);
    expect((await publish('visitor')).status).toBe(200);
  });

  test('says nothing of a later topic of the same name', async () => {
    const name = `${project}/topics/reborn`;
    await guarded.administer('PUT', `/v1/${name}`, {});
    await guarded.grant(name, 'roles/pubsub.publisher', 'publisher');
    expect((await publish('publisher', name)).status).toBe(200);
    await guarded.administer('DELETE', `/v1/${name}`);
    await guarded.administer('PUT', `/v1/${name}`, {});
    expect((await publish('publisher', name)).status).toBe(403);
    expect(await getPolicy(name)).toEqual({ etag: 'ACAB' });
    await guarded.grant(name, 'roles/pubsub.publisher', 'publisher');
    expect((await publish('publisher', name)).status).toBe(200);
  });

  test('with a condition needs version 3, and names what is not evaluated', async () => {
    const set = (expression: string, version: number) =>
      guarded.call('administrator', 'POST', `/v1/${kitchen}:setIamPolicy`, {
        policy: {
          version,
          bindings: [
            {
              role: 'roles/pubsub.subscriber',
              members: [guarded.member('reader')],
              condition: { title: 'when', expression },
            },
          ],
        },
      });
    const pull = () =>
      guarded.call('reader', 'POST', `/v1/${kitchen}:pull`, {
        maxMessages: 1,
        returnImmediately: true,
      });
    expect((await set('true', 1)).status).toBe(400);
    expect(await set('resource.matchTag("a", "b")', 3)).toMatchObject({
      status: 400,
      body: { error: { message: 'The function matchTag is not evaluated here.' } },
    });
    expect((await pull()).status).toBe(403);
    expect((await set(`resource.name == "${clerk}"`, 3)).status).toBe(200);
    expect((await pull()).status).toBe(403);
    expect((await set(`resource.name.endsWith("/kitchen")`, 3)).status).toBe(200);
    expect((await pull()).status).toBe(200);
  });

  test('is in the audit log of its project, by Pub/Sub and by who set it', async () => {
    await guarded.grant(topic, 'roles/pubsub.viewer', 'reader');
    const { entries } = (await guarded.administer('POST', '/v2/entries:list', {
      resourceNames: [project],
      filter: `protoPayload.resourceName="${topic}" AND protoPayload.methodName:SetIamPolicy`,
      orderBy: 'timestamp desc',
      pageSize: 1,
    })) as { entries: readonly { protoPayload: unknown }[] };
    expect(entries[0]!.protoPayload).toMatchObject({
      serviceName: 'pubsub.googleapis.com',
      methodName: 'google.iam.v1.IAMPolicy.SetIamPolicy',
      authenticationInfo: { principalEmail: guarded.email('administrator') },
      authorizationInfo: [{ resource: topic, permission: 'pubsub.topics.setIamPolicy' }],
    });
  });

  test('tells a caller which permissions he has', async () => {
    await guarded.grant(topic, 'roles/pubsub.publisher', 'publisher');
    const permissions = ['pubsub.topics.publish', 'pubsub.topics.delete'];
    const ask = (name: string) =>
      guarded.call(name, 'POST', `/v1/${topic}:testIamPermissions`, { permissions });
    expect((await ask('publisher')).body).toEqual({ permissions: ['pubsub.topics.publish'] });
    expect((await ask('administrator')).body).toEqual({ permissions });
    expect((await ask('visitor')).body).toEqual({});
  });
});

test('dead letters go on once the service agent has its roles, and wait until then', async () => {
  const waiting = `${project}/subscriptions/waiting`;
  const deadLetterPolicy = { deadLetterTopic: failed, maxDeliveryAttempts: 5 };
  await guarded.administer('PUT', `/v1/${waiting}`, { topic, deadLetterPolicy });
  expect(
    (await guarded.call('administrator', 'POST', `/v1/${topic}:publish`, message)).status,
  ).toBe(200);
  const { projectNumber } = (await guarded.administer('GET', `/v1/${project}`)) as {
    projectNumber: string;
  };
  for (let attempt = 0; attempt < 5; attempt++) await nack(waiting);
  const diagnosis = await guarded.administer('GET', `/sealpost/v1/${waiting}:diagnose`);
  expect(JSON.stringify(diagnosis)).toContain('lacks pubsub.topics.publish');
  expect(await received(clerk)).toEqual([]);
  const members = [`serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`];
  const bindings = [
    { role: 'roles/pubsub.publisher', members },
    { role: 'roles/pubsub.subscriber', members },
  ];
  await guarded.administer('POST', `/v1/${project}:setIamPolicy`, { policy: { bindings } });
  await nack(waiting);
  await expect.poll(() => received(clerk), { timeout: 20_000 }).toHaveLength(1);
});

async function received(subscription: string): Promise<readonly { ackId: string }[]> {
  const body = { maxMessages: 10, returnImmediately: true };
  const answer = await guarded.administer('POST', `/v1/${subscription}:pull`, body);
  return (answer as { receivedMessages?: { ackId: string }[] }).receivedMessages ?? [];
}

async function nack(subscription: string): Promise<void> {
  let found: readonly { ackId: string }[] = [];
  await expect
    .poll(async () => (found = await received(subscription)), { timeout: 20_000 })
    .not.toEqual([]);
  const ackIds = found.map(({ ackId }) => ackId);
  const path = `/v1/${subscription}:modifyAckDeadline`;
  await guarded.administer('POST', path, { ackIds, ackDeadlineSeconds: 0 });
}
