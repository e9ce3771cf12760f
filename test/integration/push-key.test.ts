import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { LiveApi, liveGrpc } from '../support/live-api.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import { answer, pushedText, PushEndpoint } from '../support/push-endpoint.ts';
import { subscriptionGauge, untilUnacked } from '../support/scraped.ts';

/** The grace of a stop is generous: the answer that it waits for comes at once. */
const live = useLiveServer(['--drain-seconds', '30']);
const api = new LiveApi(liveGrpc(live), 'projects/push-key');
const keys = new LiveKeys(() => live.url);
let endpoint: PushEndpoint;

beforeEach(async () => {
  endpoint = new PushEndpoint();
  await endpoint.start();
});
afterEach(async () => {
  await endpoint.stop();
});

interface Pushed {
  readonly key: LiveKey;
  readonly topic: string;
  readonly name: string;
}

async function pushed(more: object = {}): Promise<Pushed> {
  const key = await keys.createGranted(api.project);
  const topic = await api.topic({ kmsKeyName: key.name });
  const pushConfig = { pushEndpoint: endpoint.url };
  return { key, topic, name: await api.subscription(topic, { pushConfig, ...more }) };
}

const stateOf = async (subscription: string): Promise<string> =>
  (await api.call<{ state: string }>('GetSubscription', { subscription })).state;

const texts = (stem: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${stem}-${n}`);

const ways = [
  {
    name: 'the key version is disabled',
    take: (key: LiveKey) => keys.setState(key, 'DISABLED'),
    give: (key: LiveKey) => keys.setState(key, 'ENABLED'),
  },
  {
    name: "the service agent's binding is removed",
    take: (key: LiveKey) => keys.revoke(key),
    give: (key: LiveKey) => keys.grant(key, api.project),
  },
] as const;

describe.each(ways)('$name', ({ take, give }) => {
  test('push stops, requests under way are cut, the backlog climbs; it goes on by itself and loses nothing', async () => {
    const { key, topic, name } = await pushed({ ackDeadlineSeconds: 600 });
    const before = texts('before', 60);
    await api.publish(topic, ...before);
    await endpoint.until(() => endpoint.texts.size === before.length);
    endpoint.respond = () => undefined;
    const held = texts('held', 20);
    await api.publish(topic, ...held);
    const open = (): typeof endpoint.requests =>
      endpoint.requests.filter(({ response, isLost }) => !response.writableEnded && !isLost);
    await endpoint.until(() => open().length > 1);
    await take(key);
    await endpoint.until(() => open().length === 0);
    const cut = endpoint.requests.filter(({ isLost }) => isLost);
    expect(cut.length).toBeGreaterThan(1);
    const { length } = endpoint.requests;
    expect(await stateOf(name)).toBe('RESOURCE_ERROR');
    const gauge = async (which: string): Promise<number> => subscriptionGauge(live, name, which);
    expect(await gauge('pubsub_subscription_num_undelivered_messages')).toBe(held.length);
    live.clock.jump(30_000);
    expect(await gauge('pubsub_subscription_oldest_unacked_message_age')).toBeGreaterThan(29);
    live.clock.jump(30_000);
    expect(await gauge('pubsub_subscription_oldest_unacked_message_age')).toBeGreaterThan(59);
    expect(endpoint.requests).toHaveLength(length);
    endpoint.respond = ({ response }) => answer(response, 204);
    await give(key);
    await endpoint.until((requests) =>
      held.every((text) => requests.slice(length).some((each) => pushedText(each) === text)),
    );
    await untilUnacked(live, name, (count) => count === 0);
    expect(await stateOf(name)).toBe('ACTIVE');
    await api.publish(topic, 'after');
    await endpoint.until(() => endpoint.texts.has('after'));
  });
});

test('in the middle of a flow: every message arrives, whether before or after', async () => {
  const { key, topic, name } = await pushed();
  const all = texts('flow', 600);
  for (let at = 0; at < all.length; at += 100) await api.publish(topic, ...all.slice(at, at + 100));
  await endpoint.until(() => endpoint.texts.size >= 20);
  await keys.setState(key, 'DISABLED');
  expect(await api.refusal('Publish', { topic, messages: [{ data: 'YQ==' }] })).toMatchObject({
    code: 'FAILED_PRECONDITION',
  });
  await keys.setState(key, 'ENABLED');
  await endpoint.until(() => endpoint.texts.size === all.length);
  await untilUnacked(live, name, (count) => count === 0);
  expect(endpoint.texts).toEqual(new Set(all));
});

test('a restart in the middle: every message is pushed at least once', async () => {
  const { topic, name } = await pushed();
  const all = texts('restart', 1_000);
  await api.publish(topic, ...all);
  await endpoint.until(() => endpoint.texts.size >= 100);
  await live.restart();
  await endpoint.until(() => endpoint.texts.size === all.length);
  await untilUnacked(live, name, (count) => count === 0);
  expect(endpoint.texts).toEqual(new Set(all));
});

test('a stop waits for an answer that is on its way, and it counts', async () => {
  const { topic, name } = await pushed();
  endpoint.respond = () => undefined;
  await api.publish(topic, 'slow', 'next');
  await endpoint.untilCount(1);
  const stopped = live.stop();
  endpoint.respond = ({ response }) => answer(response, 204);
  answer(endpoint.requests[0]!.response, 200);
  await stopped;
  await live.start();
  await untilUnacked(live, name, (count) => count === 0);
  expect(endpoint.requests.map(pushedText)).toEqual(['slow', 'next']);
});

test('a start under a key that is gone serves, says so, and pushes when it is back', async () => {
  const { key, topic, name } = await pushed();
  await endpoint.stop();
  await api.publish(topic, 'kept');
  await keys.setState(key, 'DISABLED');
  await live.restart();
  await endpoint.start();
  while ((await stateOf(name)) !== 'RESOURCE_ERROR');
  await keys.setState(key, 'ENABLED');
  await endpoint.untilCount(1);
  expect(endpoint.requests.map(pushedText)).toEqual(['kept']);
  await untilUnacked(live, name, (count) => count === 0);
  expect(await stateOf(name)).toBe('ACTIVE');
});
