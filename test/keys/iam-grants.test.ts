import { describe, expect, test } from 'vitest';

import { freshId, LiveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { encrypterDecrypter, LivePolicies } from '../support/live-policies.ts';
import { useLiveServer } from '../support/live-server.ts';
import { refusalOf } from '../support/wire.ts';

const live = useLiveServer();
const grpc = liveGrpc(live);
const keys = new LiveKeys(() => live.url);
const policies = new LivePolicies(() => live.url);

/** A key in a project of its own, and an API in another one. */
async function apart(): Promise<{ key: LiveKey; keeper: string; api: LiveApi; agent: string }> {
  const keeper = `projects/${freshId('keeper')}`;
  const api = new LiveApi(grpc, `projects/${freshId('tenant')}`);
  const key = await keys.create(keeper);
  return { key, keeper, api, agent: await policies.pubsubAgent(api.project) };
}

const denied = (use: string, key: LiveKey): RegExp =>
  new RegExp(
    `Permission 'cloudkms.cryptoKeyVersions.${use}' denied on resource '${key.name}' \\(or it may not exist\\)\\.`,
  );

describe.each([
  ['the key', ({ key }: Awaited<ReturnType<typeof apart>>) => key.name],
  ['its ring', ({ key }: Awaited<ReturnType<typeof apart>>) => key.name.split('/cryptoKeys/')[0]!],
  ['its project', ({ keeper }: Awaited<ReturnType<typeof apart>>) => keeper],
])('a key of another project with a grant on %s', (_, resourceOf) => {
  test('serves the topics of the granted project, and fails without', async () => {
    const all = await apart();
    const { key, api, agent } = all;
    const resource = resourceOf(all);
    const name = api.topicName('orders');
    expect(await api.refusal('CreateTopic', { name, kmsKeyName: key.name })).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(denied('useToEncrypt', key)) as unknown,
    });
    await policies.grant(resource, agent);
    await api.call('CreateTopic', { name, kmsKeyName: key.name });
    const subscription = await api.subscription(name);
    await api.publish(name, 'sealed abroad');
    await policies.revoke(resource, agent);
    const messages = [{ data: 'YQ==' }];
    expect(await api.refusal('Publish', { topic: name, messages })).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(denied('useTo(En|De)crypt', key)) as unknown,
    });
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(denied('useToDecrypt', key)) as unknown,
    });
    await policies.grant(resource, agent);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['sealed abroad']);
  });

  test("is none for the agent of the key's own project, nor for the Run agent", async () => {
    const all = await apart();
    const { key, keeper, api } = all;
    await policies.grant(resourceOf(all), await policies.pubsubAgent(keeper));
    const number = await policies.number(api.project);
    const run = `serviceAccount:${number}@serverless-robot-prod.iam.gserviceaccount.com`;
    await policies.grant(resourceOf(all), run);
    const request = { name: api.topicName('orders'), kmsKeyName: key.name };
    expect((await api.refusal('CreateTopic', request)).code).toBe('FAILED_PRECONDITION');
  });
});

describe('the policy of a project over REST', () => {
  test('is one under id and number, and holds for what the number is granted', async () => {
    const { key, keeper, api, agent } = await apart();
    const number = await policies.number(keeper);
    await policies.grant(`projects/${number}`, agent);
    expect(await policies.get(keeper)).toEqual(await policies.get(`projects/${number}`));
    await api.call('CreateTopic', { name: api.topicName('orders'), kmsKeyName: key.name });
  });

  test('is ABORTED for who read it before another wrote it', async () => {
    const { keeper, agent } = await apart();
    const { etag } = await policies.get(keeper);
    await policies.grant(keeper, agent);
    expect(await refusalOf(policies.set(keeper, { etag, bindings: [] }))).toMatchObject({
      code: 'ABORTED',
      message: expect.stringMatching(/^There were concurrent policy changes\./) as unknown,
    });
  });
});

describe('a condition', () => {
  const condition = (expression: string) => ({ title: 'only here', expression });

  test('is returned as it was set, and grants what it names and nothing else', async () => {
    const { key, keeper, api, agent } = await apart();
    const other = await keys.create(keeper);
    const expression = `resource.name.startsWith("${key.name}")`;
    await policies.grant(keeper, agent, condition(expression));
    expect(await policies.get(keeper)).toMatchObject({
      version: 3,
      bindings: [{ role: encrypterDecrypter, members: [agent], condition: condition(expression) }],
    });
    await api.call('CreateTopic', { name: api.topicName('orders'), kmsKeyName: key.name });
    const request = { name: api.topicName('others'), kmsKeyName: other.name };
    expect((await api.refusal('CreateTopic', request)).code).toBe('FAILED_PRECONDITION');
  });

  test('that cannot be evaluated is refused by its name, and grants nothing', async () => {
    const { key, api, agent } = await apart();
    const granted = policies.grant(key.name, agent, condition('!resource.matchTag("1/e", "t")'));
    await expect(granted).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'The function matchTag is not evaluated here.',
    });
    expect((await policies.get(key.name)).bindings ?? []).toEqual([]);
    const request = { name: api.topicName('orders'), kmsKeyName: key.name };
    expect((await api.refusal('CreateTopic', request)).code).toBe('FAILED_PRECONDITION');
  });
});
