import { describe, expect, test } from 'vitest';

import { LiveApi, liveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import type { StreamClient } from '../support/stream-client.ts';
import { wireNames } from '../support/wire.ts';

const live = useLiveServer();
const grpc = liveGrpc(live);
const keys = new LiveKeys(() => live.url);
/** What the seed promises: counted from the call that took the key away, at the client. */
const biteMs = 1000;

const ways = [
  {
    name: 'the key version is disabled',
    take: (key: LiveKey) => keys.setState(key, 'DISABLED'),
    give: (key: LiveKey) => keys.setState(key, 'ENABLED'),
    reason: (key: LiveKey) => `${key.version} is not enabled, current state is: DISABLED.`,
  },
  {
    name: "the service agent's binding is removed",
    take: (key: LiveKey) => keys.revoke(key),
    give: (key: LiveKey) => keys.grant(key, 'projects/revoked'),
    reason: (key: LiveKey) =>
      `Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource '${key.name}'`,
  },
] as const;

describe.each(ways)('$name', ({ take, give, reason }) => {
  const api = new LiveApi(grpc, 'projects/revoked');
  const keyed = async (): Promise<{ key: LiveKey; topic: string; subscription: string }> => {
    const key = await keys.createGranted(api.project);
    const topic = await api.topic({ kmsKeyName: key.name });
    return { key, topic, subscription: await api.subscription(topic) };
  };
  const open = (subscription: string): StreamClient =>
    grpc.stream({ subscription, streamAckDeadlineSeconds: 600 });

  test('publish and pull answer FAILED_PRECONDITION with the reason, over both wires, and serve again with nothing lost', async () => {
    const { key, topic, subscription } = await keyed();
    await api.publish(topic, 'before');
    const takenMs = performance.now();
    await take(key);
    const refused = { code: 'FAILED_PRECONDITION', message: expect.stringContaining(reason(key)) };
    for (const wire of wireNames) {
      const other = new LiveApi(liveApi(live, wire).wire, api.project);
      const messages = [{ data: 'YQ==' }];
      expect(await other.refusal('Publish', { topic, messages })).toEqual(refused);
      expect(await other.refusal('Pull', { subscription, maxMessages: 1 })).toEqual(refused);
    }
    expect(await open(subscription).ended).toMatchObject(refused);
    expect(performance.now() - takenMs).toBeLessThan(biteMs);
    await give(key);
    await api.publish(topic, 'after');
    const pulled = await api.pull(subscription, 2);
    expect(pulled.map(textOf).toSorted()).toEqual(['after', 'before']);
  });

  test('an idle stream and a pull that waits end within a second', async () => {
    const { key, subscription } = await keyed();
    const stream = open(subscription);
    await stream.until(({ responses }) => responses.length > 0);
    const waiting = api.refusal('Pull', { subscription, maxMessages: 1 });
    // Answered behind the pull on the same connection: it is waiting by then.
    stream.send({});
    await stream.until(({ responses }) => responses.length > 1);
    const takenMs = performance.now();
    await take(key);
    const end = await stream.ended;
    expect(end).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(reason(key)),
    });
    expect(end.atMs - takenMs).toBeLessThan(biteMs);
    expect(await waiting).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(performance.now() - takenMs).toBeLessThan(biteMs);
    await give(key);
  });

  test('acks, deadlines, lists and deletes need no key', async () => {
    const { key, topic, subscription } = await keyed();
    await api.publish(topic, 'acked', 'nacked', 'kept');
    const pulled = await api.pull(subscription, 3);
    const named = (text: string): string[] =>
      pulled.filter((each) => textOf(each) === text).map(({ ackId }) => ackId);
    await take(key);
    await api.call('Acknowledge', { subscription, ackIds: named('acked') });
    const ackIds = named('nacked');
    await api.call('ModifyAckDeadline', { subscription, ackIds, ackDeadlineSeconds: 0 });
    expect(await api.call('GetTopic', { topic })).toMatchObject({ kmsKeyName: key.name });
    expect(await api.call('ListTopicSubscriptions', { topic })).toEqual({
      subscriptions: [subscription],
    });
    await give(key);
    live.clock.jump(11_000);
    const left = await api.pull(subscription, 2);
    expect(left.map(textOf).toSorted()).toEqual(['kept', 'nacked']);
    await take(key);
    expect(await api.call('DeleteSubscription', { subscription })).toEqual({});
    expect(await api.call('DeleteTopic', { topic })).toEqual({});
  });

  test('a restart under a key that is gone starts, refuses, and serves when it is back', async () => {
    const { key, topic, subscription } = await keyed();
    await api.publish(topic, 'sealed');
    await take(key);
    await live.restart();
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    await give(key);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['sealed']);
  });

  test('a stream with a full pipe brings its last byte within a second, and what it had not read is delivered after', async () => {
    const { key, topic, subscription } = await keyed();
    const text = 'x'.repeat(100_000);
    const count = 40;
    for (let n = 0; n < count; n += 8) {
      await api.publish(topic, ...Array.from({ length: 8 }, (_, at) => `${n + at} ${text}`));
    }
    const stream = open(subscription);
    await stream.untilMessages(1);
    stream.pause();
    const takenMs = performance.now();
    await take(key);
    expect(await api.refusal('Publish', { topic, messages: [{ data: 'YQ==' }] })).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    stream.resume();
    const end = await stream.ended;
    expect(end.code).toMatch(/^(FAILED_PRECONDITION|INTERNAL)$/);
    expect(Math.max(end.atMs, stream.lastByteMs) - takenMs).toBeLessThan(biteMs);
    expect(stream.messages.length).toBeLessThan(count);
    await give(key);
    live.clock.jump(601_000);
    const pulled = await api.pull(subscription, count);
    expect(new Set(pulled.map(textOf)).size).toBe(count);
  });
});

describe('creating a topic with a key', () => {
  const api = new LiveApi(grpc, 'projects/creator');

  test('is refused before the service agent may use it, and then not', async () => {
    const key = await keys.create(api.project);
    const name = api.topicName('granted-late');
    expect(await api.refusal('CreateTopic', { name, kmsKeyName: key.name })).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(key.name),
    });
    expect(await api.refusal('GetTopic', { topic: name })).toMatchObject({ code: 'NOT_FOUND' });
    await keys.grant(key, api.project);
    expect(await api.call('CreateTopic', { name, kmsKeyName: key.name })).toMatchObject({
      kmsKeyName: key.name,
    });
  });

  test("a key of another project works for the topic's own service agent only", async () => {
    const key = await keys.createGranted('projects/keeper');
    const name = api.topicName('keyed-elsewhere');
    expect(await api.refusal('CreateTopic', { name, kmsKeyName: key.name })).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    await keys.grant(key, api.project);
    await api.call('CreateTopic', { name, kmsKeyName: key.name });
    const subscription = await api.subscription(name);
    await api.publish(name, 'under the key of another');
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['under the key of another']);
  });

  test('a key that does not exist is refused', async () => {
    const kmsKeyName = `${api.project}/locations/global/keyRings/none/cryptoKeys/none`;
    const request = { name: api.topicName('keyless'), kmsKeyName };
    expect(await api.refusal('CreateTopic', request)).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(kmsKeyName),
    });
  });

  test("the service's own key is refused by name, and serves a topic that names none", async () => {
    const own = 'projects/sealpost-internal/locations/global/keyRings/sealpost/cryptoKeys/default';
    const request = { name: api.topicName('keyless'), kmsKeyName: own };
    expect(await api.refusal('CreateTopic', request)).toEqual({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(
        `Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '${own}'`,
      ),
    });
    await api.publish(await api.topic(), 'under the default key');
  });

  test('changing the key of a topic leaves what is stored under the old one', async () => {
    const [old, young] = [
      await keys.createGranted(api.project),
      await keys.createGranted(api.project),
    ];
    const name = await api.topic({ kmsKeyName: old.name });
    const subscription = await api.subscription(name);
    await api.publish(name, 'old');
    const topic = { name, kmsKeyName: young.name };
    await api.call('UpdateTopic', { topic, updateMask: 'kmsKeyName' });
    await api.publish(name, 'young');
    await keys.setState(young, 'DISABLED');
    expect(
      await api.refusal('Publish', { topic: name, messages: [{ data: 'YQ==' }] }),
    ).toMatchObject({ code: 'FAILED_PRECONDITION' });
    await keys.setState(young, 'ENABLED');
    const pulled = await api.pull(subscription, 2);
    expect(pulled.map(textOf).toSorted()).toEqual(['old', 'young']);
  });

  test('messages under another key than the topic has now come in their turn, or nothing does', async () => {
    const [old, young] = [
      await keys.createGranted(api.project),
      await keys.createGranted(api.project),
    ];
    const name = await api.topic({ kmsKeyName: old.name });
    const subscription = await api.subscription(name);
    await api.publish(name, 'old');
    await api.call('UpdateTopic', {
      topic: { name, kmsKeyName: young.name },
      updateMask: 'kmsKeyName',
    });
    const later = await api.subscription(name);
    await api.publish(name, 'young');
    const pull = (from: string): Promise<unknown> =>
      api.refusal('Pull', { subscription: from, maxMessages: 2 });
    await keys.setState(old, 'DISABLED');
    const heldBack = await pull(subscription);
    expect(heldBack).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(JSON.stringify(heldBack)).toContain(old.name);
    expect((await api.pull(later, 1)).map(textOf)).toEqual(['young']);
    await keys.setState(old, 'ENABLED');
    await keys.setState(young, 'DISABLED');
    const refused = await pull(subscription);
    expect(refused).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(JSON.stringify(refused)).toContain(young.name);
    await keys.setState(young, 'ENABLED');
    expect((await api.pull(subscription, 2)).map(textOf).toSorted()).toEqual(['old', 'young']);
  });
});
