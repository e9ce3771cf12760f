import { describe, expect, test } from 'vitest';

import { LiveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';

/** What the seed's page says of keys that come, change, go and end, on a real server and disk. */
const live = useLiveServer();
const grpc = liveGrpc(live);
const keys = new LiveKeys(() => live.url);
const api = new LiveApi(grpc, 'projects/seed');
const dayMs = 24 * 3_600_000;

const setKey = (topic: string, kmsKeyName: string): Promise<unknown> =>
  api.call('UpdateTopic', {
    topic: { name: topic, ...(kmsKeyName === '' ? {} : { kmsKeyName }) },
    updateMask: 'kmsKeyName',
  });

async function post(path: string): Promise<{ readonly state?: string; readonly status: number }> {
  const headers = { 'content-type': 'application/json', 'x-sealpost-force-destroy': 'true' };
  const init = { method: 'POST', headers, body: '{}' };
  const response = await fetch(`${live.url}/v1/${path}`, init);
  return { status: response.status, ...((await response.json()) as { state?: string }) };
}

async function stateOf(version: string): Promise<string> {
  const response = await fetch(`${live.url}/v1/${version}`);
  return ((await response.json()) as { state: string }).state;
}

describe('a change of the key is not retroactive', () => {
  test('a key that is added later protects what is published from then on, and goes with its removal', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const key = await keys.createGranted(api.project);
    await api.publish(topic, 'before the key');
    await setKey(topic, key.name);
    await api.publish(topic, 'under the key');
    await setKey(topic, '');
    await api.publish(topic, 'after the key');
    await keys.setState(key, 'DISABLED');
    // Neither needs the key: it came after the one, and was gone before the other.
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['before the key']);
    await api.publish(topic, 'while it is off');
    const refused = { code: 'FAILED_PRECONDITION', message: expect.stringContaining('DISABLED') };
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toEqual(refused);
    await keys.setState(key, 'ENABLED');
    const rest = ['after the key', 'under the key', 'while it is off'];
    expect((await api.pull(subscription, 3)).map(textOf).toSorted()).toEqual(rest);
  });

  test('what was published under the first key needs the first key, whatever the topic has now', async () => {
    const [first, second] = [
      await keys.createGranted(api.project),
      await keys.createGranted(api.project),
    ];
    const topic = await api.topic({ kmsKeyName: first.name });
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'old');
    await setKey(topic, second.name);
    await api.publish(topic, 'new');
    await keys.setState(first, 'DISABLED');
    await api.publish(topic, 'newer');
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toMatchObject({
      message: expect.stringContaining(first.version) as string,
    });
    await keys.setState(first, 'ENABLED');
    expect((await api.pull(subscription, 3)).map(textOf).toSorted()).toEqual([
      'new',
      'newer',
      'old',
    ]);
  });
});

test('a version that is scheduled stops everything, comes back when restored, and is gone for ever when destroyed', async () => {
  const key = await keys.createGranted(api.project);
  const topic = await api.topic({ kmsKeyName: key.name });
  const subscription = await api.subscription(topic, { messageRetentionDuration: '2592000s' });
  await api.publish(topic, 'sealed');
  const refusedAs = async (state: string): Promise<void> => {
    const message = expect.stringContaining(`current state is: ${state}.`) as string;
    const messages = [{ data: 'YQ==' }];
    const refused = { code: 'FAILED_PRECONDITION', message };
    expect(await api.refusal('Publish', { topic, messages })).toEqual(refused);
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toEqual(refused);
    const stream = grpc.stream({ subscription, streamAckDeadlineSeconds: 60 });
    expect(await stream.ended).toMatchObject(refused);
  };

  expect((await post(`${key.version}:destroy`)).state).toBe('DESTROY_SCHEDULED');
  await refusedAs('DESTROY_SCHEDULED');
  expect((await post(`${key.version}:restore`)).state).toBe('DISABLED');
  await refusedAs('DISABLED');
  await keys.setState(key, 'ENABLED');
  expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['sealed']);

  await post(`${key.version}:destroy`);
  await live.pass(29 * dayMs);
  expect(await stateOf(key.version)).toBe('DESTROY_SCHEDULED');
  await live.pass(1.1 * dayMs);
  while ((await stateOf(key.version)) !== 'DESTROYED') await live.pass(60_000);
  await refusedAs('DESTROYED');
  expect((await post(`${key.version}:restore`)).status).toBe(400);
  await live.restart();
  await refusedAs('DESTROYED');
});
