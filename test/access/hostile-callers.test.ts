import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Answer, AccountServer } from '../support/account-server.ts';

const own = 'projects/own-project';
const foreign = 'projects/foreign-project';

const guarded = new AccountServer();
beforeAll(async () => {
  await guarded.start(['attacker', 'creator', 'victim']);
  await guarded.grant(own, 'roles/owner', 'attacker');
  await guarded.administer('PUT', `/v1/${own}/topics/mine`, {});
  await guarded.administer('PUT', `/v1/${foreign}/topics/theirs`, {});
});
afterAll(() => guarded.stop());

const denied = { status: 403, body: { error: { status: 'PERMISSION_DENIED' } } };

/** What differs by nothing but the name that was asked about. */
const masked = ({ status, body }: Answer, name: string): string =>
  `${status} ${JSON.stringify(body).replaceAll(name, 'NAME')}`;

describe('an account with every right in its project', () => {
  test('lists no logs of another project beside its own', async () => {
    const path = `/v2/${own}/logs?resourceNames=${foreign}`;
    expect(await guarded.call('attacker', 'GET', path)).toMatchObject(denied);
    const logs = await guarded.call('attacker', 'GET', `/v2/${own}/logs?resourceNames=${own}`);
    expect(logs).toMatchObject({ status: 200, body: { logNames: expect.anything() as unknown } });
  });

  test.each(['', '/keys', '/apiKeys'])(
    'does not learn which accounts other projects have (serviceAccounts/EMAIL%s)',
    async (below) => {
      const answers = ['victim', 'nobody-there'].map(async (name) => {
        const email = guarded.email(name);
        const path = `/v1/projects/-/serviceAccounts/${email}${below}`;
        return masked(await guarded.call('attacker', 'GET', path), email);
      });
      const [there, missing] = await Promise.all(answers);
      expect(there).toBe(missing);
      expect(there).toContain('403');
    },
  );

  test('does not learn which project numbers were given out', async () => {
    const project = (await guarded.administer('GET', `/v1/${foreign}`)) as {
      projectNumber: string;
    };
    const answers = [project.projectNumber, '999999999999'].map(async (number) => {
      const path = `/v1/projects/${number}:testIamPermissions`;
      const permissions = ['pubsub.topics.list'];
      return masked(await guarded.call('attacker', 'POST', path, { permissions }), number);
    });
    const [there, missing] = await Promise.all(answers);
    expect(missing).toBe(there);
  });
});

describe('who may change a subscription, but not act as the account of its push', () => {
  const subscription = `${own}/subscriptions/pushed`;
  const change = (paths: string, pushConfig: object): Promise<Answer> =>
    guarded.call('creator', 'PATCH', `/v1/${subscription}`, {
      subscription: { pushConfig },
      updateMask: paths,
    });

  beforeAll(async () => {
    const serviceAccountEmail = guarded.email('victim');
    const oidcToken = { serviceAccountEmail, audience: 'https://theirs.example' };
    await guarded.administer('PUT', `/v1/${subscription}`, {
      topic: `${own}/topics/mine`,
      pushConfig: { pushEndpoint: 'https://theirs.example/push', oidcToken },
    });
    await guarded.grant(subscription, 'roles/pubsub.editor', 'creator');
  });

  test('cannot have its tokens sent elsewhere', async () => {
    const pushConfig = { pushEndpoint: 'https://attacker.example/push' };
    const answer = await change('pushConfig.pushEndpoint', pushConfig);
    expect(answer.status).toBe(400);
  });

  test('cannot have them made for another audience', async () => {
    const pushConfig = { oidcToken: { audience: 'https://elsewhere.example' } };
    const answer = await change('pushConfig.oidcToken.audience', pushConfig);
    expect(answer.status).toBe(400);
  });

  test('can take the tokens away, and change the rest', async () => {
    const answer = await guarded.call('creator', 'PATCH', `/v1/${subscription}`, {
      subscription: { ackDeadlineSeconds: 20 },
      updateMask: 'ackDeadlineSeconds',
    });
    expect(answer).toMatchObject({ status: 200, body: { ackDeadlineSeconds: 20 } });
    const pushConfig = { pushEndpoint: 'https://attacker.example/push' };
    const replaced = await change('pushConfig', pushConfig);
    expect(replaced.status).toBe(200);
    expect(JSON.stringify(replaced.body)).not.toContain('oidcToken');
  });
});

test.each(['gcp-sa-pubsub', 'serverless-robot-prod'])(
  'who may make accounts anywhere makes none that is taken for a service agent (%s)',
  async (project) => {
    await guarded.grant('organizations/sealpost', 'roles/iam.serviceAccountAdmin', 'creator');
    const accountId = 'service-123456789012';
    const path = `/v1/projects/${project}/serviceAccounts`;
    expect(await guarded.call('creator', 'POST', path, { accountId })).toMatchObject({
      status: 400,
      body: { error: { status: 'INVALID_ARGUMENT' } },
    });
  },
);

test('what nobody may is recorded in a few bytes, however long he makes it', async () => {
  const labels = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, at) => [`label-${at}`, 'x'.repeat(1_000)]),
  );
  const name = `${foreign}/topics/never`;
  expect(await guarded.call('victim', 'PUT', `/v1/${name}`, { labels })).toMatchObject(denied);
  const { entries } = (await guarded.administer('POST', '/v2/entries:list', {
    resourceNames: [foreign],
    filter: `protoPayload.resourceName="${name}"`,
  })) as { entries: readonly unknown[] };
  expect(entries).toHaveLength(1);
  expect(JSON.stringify(entries[0]).length).toBeLessThan(10_000);
});
