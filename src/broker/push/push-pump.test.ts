import { afterEach, expect, test } from 'vitest';

import { BrokerHarness, type HarnessOptions } from '../../../test/support/broker-harness.ts';
import { ScriptedEndpoint, textOf } from '../../../test/support/scripted-endpoint.ts';
import type { LogFields, Logger } from '../../runtime/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { PushConfig, Subscription } from '../service.ts';

const pushConfig: PushConfig = { endpoint: 'https://example.com/push', attributes: {} };

interface Bench {
  readonly harness: BrokerHarness;
  readonly endpoint: ScriptedEndpoint;
  readonly warnings: string[];
  readonly topic: string;
  readonly name: string;
  readonly keyVersion: string;
}

let bench: Bench;

async function open(
  more: Partial<Subscription> = {},
  options: HarnessOptions = {},
): Promise<Bench> {
  const warnings: string[] = [];
  const log: Logger = {
    ...silentLogger,
    warn: (fields: LogFields, message) =>
      void warnings.push(`${message} ${reasonOf(fields)}`.trim()),
  };
  const endpoint = new ScriptedEndpoint(() => harness.clock);
  const harness: BrokerHarness = await BrokerHarness.open({
    pushSender: endpoint,
    log,
    ...options,
  });
  const key = await harness.createKey();
  const topic = await harness.createTopic('orders', { kmsKeyName: key.name });
  const name = await harness.createSubscription('pushed', topic, { pushConfig, ...more });
  await harness.clock.settle();
  bench = { harness, endpoint, warnings, topic, name, keyVersion: key.version };
  return bench;
}

const reasonOf = ({ reason }: LogFields): string => (typeof reason === 'string' ? reason : '');

afterEach(async () => {
  bench.endpoint.respond = () => 204;
  for (const request of bench.endpoint.open) request.answer(204);
  await bench.harness.close();
});

const texts = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);

async function unacked(): Promise<number> {
  const reports = await bench.harness.until(bench.harness.broker.backlogs());
  return reports.find(({ subscription }) => subscription === bench.name)!.unackedCount;
}

async function pushState(): Promise<{ pushState: string | null; pushedCount: number }> {
  const reports = await bench.harness.until(bench.harness.broker.backlogs());
  return reports.find(({ subscription }) => subscription === bench.name)!;
}

async function stateOf(name: string): Promise<string | undefined> {
  return (await bench.harness.broker.getSubscription(name)).state;
}

/** Moves time until `isDone`, a little at a time. */
async function passUntil(isDone: () => boolean, stepMs = 50, limitMs = 600_000): Promise<void> {
  for (let ms = 0; !isDone() && ms < limitMs; ms += stepMs)
    await bench.harness.clock.advance(stepMs);
  expect(isDone()).toBe(true);
}

test('every message is pushed, wrapped, and acknowledged by the answer', async () => {
  const { harness, endpoint, topic } = await open();
  await harness.publish(topic, ...texts(100));
  await passUntil(() => endpoint.seen.length >= 100);
  expect(endpoint.texts.toSorted()).toEqual(texts(100).toSorted());
  expect(endpoint.seen[0]).toMatchObject({ config: pushConfig, timeoutMs: 10_000 });
  expect(await unacked()).toBe(0);
  // Acks by an answer are made durable soon, not at once.
  await harness.clock.advance(1_000);
  await harness.restart();
  await harness.clock.advance(60_000);
  expect(endpoint.seen).toHaveLength(100);
});

test('it begins with one request at a time and doubles', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = () => null;
  await harness.publish(topic, ...texts(100));
  const underWay: number[] = [];
  for (let round = 0; round < 5; round++) {
    await harness.clock.advance(10);
    underWay.push(endpoint.open.length);
    for (const request of endpoint.open) request.answer(200);
  }
  expect(underWay).toEqual([1, 2, 4, 8, 16]);
});

test('a message that was refused comes again, after a pause of the whole subscription and behind others', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = (_, n) => (n === 0 ? 500 : 200);
  await harness.publish(topic, 'a', 'b');
  await harness.clock.advance(50);
  expect(endpoint.seen).toHaveLength(1);
  await harness.clock.advance(2_000);
  expect(endpoint.texts).toEqual(['a', 'b', 'a']);
  expect(endpoint.seen[1]!.atMs - endpoint.seen[0]!.atMs).toBeGreaterThanOrEqual(100);
});

test('a message that is always refused does not keep the others from coming through', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.latencyMs = 20;
  endpoint.respond = ({ body }) => (textOf(body) === 'poison' ? 400 : 204);
  await harness.publish(topic, 'poison', ...texts(500));
  await harness.clock.advance(30_000);
  expect(await unacked()).toBe(1);
  const { length } = endpoint.texts.filter((text) => text === 'poison');
  expect(length).toBeGreaterThan(3);
});

test('what waits after a refusal goes to a new endpoint at once', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = () => 503;
  await harness.publish(topic, ...texts(10));
  await harness.clock.advance(600_000);
  endpoint.seen.length = 0;
  endpoint.respond = () => 204;
  const moved = { ...pushConfig, endpoint: 'https://elsewhere.example/' };
  await harness.until(harness.broker.modifyPushConfig(bench.name, moved));
  await harness.clock.advance(50);
  expect(new Set(endpoint.texts).size).toBe(10);
});

test('an endpoint that refuses everything is asked every 30 to 60 s in the end', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = () => 503;
  await harness.publish(topic, ...texts(50));
  await harness.clock.advance(1_800_000);
  const times = endpoint.seen.map(({ atMs }) => atMs);
  const waits = times.slice(1).map((atMs, n) => atMs - times[n]!);
  expect(waits[0]).toBeLessThan(1_000);
  expect(waits.slice(-10).every((ms) => ms >= 30_000 && ms <= 61_000)).toBe(true);
  expect(await stateOf(bench.name)).toBe('ACTIVE');
  expect(await unacked()).toBe(50);
});

test('a failure is told with the time since the last success, and forgotten with the next', async () => {
  const { harness, endpoint, topic } = await open();
  const lastFailure = async (): Promise<unknown> => {
    const { push } = await harness.until(harness.broker.diagnoseSubscription(bench.name));
    return push?.lastFailure;
  };
  endpoint.respond = () => 503;
  await harness.publish(topic, 'unlucky');
  await passUntil(() => endpoint.seen.length > 0);
  await harness.clock.advance(900_000);
  const failure = { responseClass: 'remote_server_5xx', code: '503' };
  expect(await lastFailure()).toMatchObject(failure);
  const { failingSeconds } = (await lastFailure()) as { failingSeconds: number };
  expect(failingSeconds).toBeGreaterThanOrEqual(900);
  expect(failingSeconds).toBeLessThan(910);
  endpoint.respond = () => 204;
  await harness.clock.advance(120_000);
  expect(await lastFailure()).toBeNull();
  endpoint.respond = () => 503;
  await harness.publish(topic, 'again');
  await harness.clock.advance(30_000);
  expect(await lastFailure()).toMatchObject({ failingSeconds: 30 });
});

test('a request without an answer ends with the ack deadline, and one just before it counts', async () => {
  const { harness, endpoint, topic } = await open({ ackDeadlineSeconds: 20 });
  endpoint.respond = () => null;
  await harness.publish(topic, 'slow', 'silent');
  await harness.clock.advance(19_990);
  expect(endpoint.texts).toEqual(['slow']);
  endpoint.seen[0]!.answer(200);
  await harness.clock.advance(19_990);
  expect(endpoint.texts).toEqual(['slow', 'silent']);
  expect(endpoint.seen[1]!.timeoutMs).toBe(20_000);
  await harness.clock.advance(2_000);
  expect(endpoint.texts).toEqual(['slow', 'silent', 'silent']);
});

test('a subscription that is pushed refuses to be pulled, and lets go who pulls when it becomes one', async () => {
  const { harness, topic } = await open();
  const refused = {
    code: 'FAILED_PRECONDITION',
    message: 'This method is not supported for this subscription type.',
  };
  await expect(harness.pull(bench.name)).rejects.toMatchObject(refused);
  await expect(harness.openStream(bench.name)).rejects.toMatchObject(refused);
  const other = await harness.createSubscription('pulled', topic);
  const stream = await harness.openStream(other);
  const { signal } = new AbortController();
  const request = { messagesMax: 1, returnImmediately: false, signal };
  const waiting = harness.broker.pull(other, request, () => null);
  waiting.catch(() => undefined);
  await harness.clock.settle();
  await harness.until(harness.broker.modifyPushConfig(other, pushConfig));
  expect(stream.failure).toMatchObject(refused);
  await expect(waiting).rejects.toMatchObject(refused);
});

test('push begins and ends with the configuration, and what is under way still counts', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = () => null;
  await harness.publish(topic, 'a', 'b');
  await harness.clock.advance(10);
  expect(endpoint.texts).toEqual(['a']);
  await harness.until(harness.broker.modifyPushConfig(bench.name, undefined));
  endpoint.open[0]!.answer(200);
  await harness.clock.advance(10);
  expect((await harness.pull(bench.name)).map(({ text }) => text)).toEqual(['b']);
  const [again] = await harness.pull(bench.name);
  expect(again).toBeUndefined();
  expect((await harness.broker.getSubscription(bench.name)).pushConfig).toBeUndefined();
  endpoint.respond = () => 200;
  await harness.until(harness.broker.modifyPushConfig(bench.name, pushConfig));
  await harness.publish(topic, 'c');
  await passUntil(() => endpoint.texts.includes('c'));
});

test('what was pulled before can be acknowledged after it is pushed', async () => {
  const { harness, endpoint, topic } = await open();
  const name = await harness.createSubscription('pulled', topic);
  await harness.publish(topic, 'a');
  const [held] = await harness.pull(name);
  await harness.until(harness.broker.modifyPushConfig(name, pushConfig));
  await harness.acknowledge(name, [held!.ackId]);
  endpoint.seen.length = 0;
  await harness.clock.advance(60_000);
  expect(endpoint.seen).toEqual([]);
});

test('a change of the endpoint is taken at once, and begins small', async () => {
  const { harness, endpoint, topic } = await open();
  await harness.publish(topic, ...texts(200));
  await passUntil(() => endpoint.seen.length === 200);
  endpoint.respond = () => null;
  const moved = { ...pushConfig, endpoint: 'https://elsewhere.example/' };
  await harness.until(harness.broker.modifyPushConfig(bench.name, moved));
  await harness.publish(topic, ...texts(50));
  await harness.clock.advance(10);
  expect(endpoint.open.map(({ config }) => config.endpoint)).toEqual([moved.endpoint]);
});

test('a key that goes cuts what is under way and stops push; it goes on by itself, with nothing lost', async () => {
  const { harness, endpoint, topic, warnings } = await open();
  await harness.publish(topic, ...texts(40));
  await passUntil(() => endpoint.seen.length === 40);
  endpoint.respond = () => null;
  await harness.publish(topic, ...texts(40));
  await harness.clock.advance(10);
  const { length: underWay } = endpoint.open;
  expect(underWay).toBeGreaterThan(1);
  expect(await pushState()).toMatchObject({ pushState: 'active', pushedCount: underWay });
  const atMs = harness.clock.monotonicMs();
  await harness.setKeyEnabled(bench.keyVersion, false);
  await passUntil(() => endpoint.open.length === 0);
  expect(harness.clock.monotonicMs() - atMs).toBeLessThanOrEqual(250);
  await harness.clock.advance(10);
  const { length: sent } = endpoint.seen;
  expect(await stateOf(bench.name)).toBe('RESOURCE_ERROR');
  expect(await pushState()).toMatchObject({ pushState: 'resource_error', pushedCount: 0 });
  await harness.clock.advance(30_000);
  expect(endpoint.seen).toHaveLength(sent);
  expect(await unacked()).toBe(40);
  endpoint.respond = () => 200;
  await harness.setKeyEnabled(bench.keyVersion, true);
  const givenMs = harness.clock.monotonicMs();
  await passUntil(() => endpoint.seen.length > sent, 1);
  expect(harness.clock.monotonicMs() - givenMs).toBeLessThanOrEqual(10);
  expect(await stateOf(bench.name)).toBe('ACTIVE');
  await harness.clock.advance(5_000);
  expect(new Set(endpoint.texts.slice(sent)).size).toBe(40);
  expect(await unacked()).toBe(0);
  expect(warnings.filter((line) => line.startsWith('push'))).toEqual([
    expect.stringMatching(/^push stands still \w+$/),
    'push goes on',
  ]);
});

test('a key service that is away stops push when no key is warm, and starts it when it is back', async () => {
  let isAway = false;
  const outage = async (): Promise<never> => {
    throw new RpcError('UNAVAILABLE', 'KMS_AWAY', 'The key service is away.');
  };
  const { harness, endpoint, topic, warnings } = await open(
    {},
    {
      wrapKeys: (keys) => ({
        encrypt: (request, caller) => (isAway ? outage() : keys.encrypt(request, caller)),
        decrypt: (request, caller) => (isAway ? outage() : keys.decrypt(request, caller)),
        defaultKeyName: keys.defaultKeyName,
        pubsubServiceAgent: (projectId) => keys.pubsubServiceAgent(projectId),
        runServiceAgent: (projectId) => keys.runServiceAgent(projectId),
        onChange: (listener) => keys.onChange(listener),
      }),
    },
  );
  await harness.publish(topic, 'warm');
  isAway = true;
  await harness.clock.advance(60_000);
  await harness.publish(topic, 'still warm');
  await passUntil(() => endpoint.seen.length === 2);
  endpoint.respond = () => 503;
  await harness.publish(topic, 'kept');
  await harness.clock.advance(600_000);
  expect(await stateOf(bench.name)).toBe('RESOURCE_ERROR');
  const { push } = await harness.until(harness.broker.diagnoseSubscription(bench.name));
  expect(push?.stalledBy).toMatchObject({ reason: 'KMS_UNREACHABLE' });
  endpoint.respond = () => 204;
  endpoint.seen.length = 0;
  await harness.clock.advance(600_000);
  expect(endpoint.seen).toEqual([]);
  isAway = false;
  await passUntil(() => endpoint.texts.includes('kept'), 1_000, 301_000);
  expect(await stateOf(bench.name)).toBe('ACTIVE');
  expect(warnings.filter((line) => line.startsWith('push'))).toEqual([
    'push stands still KMS_UNREACHABLE',
    'push goes on',
  ]);
});

test('a start under a key that is gone says so, and pushes when it is back', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = () => 503;
  await harness.publish(topic, 'kept');
  await harness.setKeyEnabled(bench.keyVersion, false);
  await harness.restart();
  await harness.clock.advance(5_000);
  expect(await stateOf(bench.name)).toBe('RESOURCE_ERROR');
  endpoint.respond = () => 200;
  endpoint.seen.length = 0;
  await harness.setKeyEnabled(bench.keyVersion, true);
  await passUntil(() => endpoint.seen.length > 0, 50, 2_000);
  expect(endpoint.texts).toEqual(['kept']);
});

test('after a restart it pushes what was not acknowledged', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = () => null;
  await harness.publish(topic, 'a', 'b', 'c');
  await harness.clock.advance(10);
  await harness.restart();
  endpoint.seen.length = 0;
  endpoint.respond = () => 200;
  await passUntil(() => endpoint.seen.length >= 3);
  expect(endpoint.texts.toSorted()).toEqual(['a', 'b', 'c']);
});

test('a drain takes nothing more, waits for the answers, and keeps them', async () => {
  const { harness, endpoint, topic } = await open();
  endpoint.respond = () => null;
  await harness.publish(topic, 'a', 'b');
  await harness.clock.advance(10);
  const drained = harness.broker.drain(5_000);
  await harness.clock.advance(1_000);
  endpoint.open[0]!.answer(200);
  await harness.until(drained);
  expect(endpoint.texts).toEqual(['a']);
  await harness.restart();
  endpoint.respond = () => 200;
  await passUntil(() => endpoint.seen.length >= 2);
  expect(endpoint.texts).toEqual(['a', 'b']);
});

test('a drain cuts what is not answered within its grace', async () => {
  const { harness, endpoint, topic } = await open({ ackDeadlineSeconds: 600 });
  endpoint.respond = () => null;
  await harness.publish(topic, 'a');
  await harness.clock.advance(10);
  const drained = harness.broker.drain(5_000);
  await harness.clock.advance(4_990);
  expect(endpoint.open).toHaveLength(1);
  await harness.clock.advance(20);
  expect(endpoint.open).toEqual([]);
  await harness.until(drained);
});

test('a deleted subscription is pushed no more; what is under way may finish', async () => {
  const { harness, endpoint, topic } = await open({ ackDeadlineSeconds: 600 });
  endpoint.respond = () => null;
  await harness.publish(topic, 'a', 'b');
  await harness.clock.advance(10);
  await harness.until(harness.broker.deleteSubscription(bench.name));
  await harness.clock.advance(1_000);
  expect(endpoint.open).toHaveLength(1);
  await harness.clock.advance(10_000);
  expect(endpoint.open).toEqual([]);
  expect(endpoint.texts).toEqual(['a']);
});

test('the bodies under way stay within 16 MiB, whatever the window', async () => {
  const { harness, endpoint, topic } = await open({ ackDeadlineSeconds: 600 });
  await harness.publish(topic, ...texts(1_000));
  await passUntil(() => endpoint.seen.length === 1_000);
  endpoint.seen.length = 0;
  endpoint.respond = () => null;
  const text = 'x'.repeat(900_000);
  for (let n = 0; n < 4; n++)
    await harness.publish(topic, ...Array.from({ length: 10 }, () => text));
  await harness.clock.advance(100);
  const bytes = endpoint.open.reduce((sum, { body }) => sum + body.length, 0);
  expect(endpoint.open.length).toBeGreaterThan(5);
  expect(bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
  endpoint.respond = () => 200;
  for (const request of endpoint.open) request.answer(200);
  await passUntil(() => endpoint.seen.length === 40);
  expect(endpoint.seen.every(({ body }) => textOf(body) === text)).toBe(true);
});
