import { afterEach, expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { ScriptedEndpoint } from '../../../test/support/scripted-endpoint.ts';
import type { PushConfig } from '../service.ts';

const pushConfig: PushConfig = { endpoint: 'https://example.com/push', attributes: {} };

let endpoint: ScriptedEndpoint;
let harness: BrokerHarness;
let topic: string;
let keyVersion: string;

async function open(): Promise<void> {
  endpoint = new ScriptedEndpoint(() => harness.clock);
  harness = await BrokerHarness.open({ pushSender: endpoint });
  const key = await harness.createKey();
  keyVersion = key.version;
  topic = await harness.createTopic('orders', { kmsKeyName: key.name });
}

afterEach(async () => {
  for (const request of endpoint.open) request.answer(204);
  await harness.close();
});

/** A subscription whose endpoint has a message and does not answer. */
async function withOneUnderWay(id: string): Promise<string> {
  const config = { pushConfig, ackDeadlineSeconds: 600 };
  const name = await harness.createSubscription(id, topic, config);
  await harness.clock.settle();
  endpoint.respond = () => null;
  await harness.publish(topic, 'a');
  await harness.clock.advance(10);
  expect(endpoint.open).toHaveLength(1);
  return name;
}

test('what is refused after push has ended is free at once', async () => {
  await open();
  const name = await withOneUnderWay('pushed');
  await harness.until(harness.broker.modifyPushConfig(name, undefined));
  endpoint.open[0]!.answer(503);
  await harness.clock.advance(100);
  expect((await harness.pull(name)).map(({ text }) => text)).toEqual(['a']);
});

test('a deleted subscription leaves no timer, whatever its last request is answered', async () => {
  await open();
  const left: number[] = [];
  for (const status of [204, 503]) {
    const name = await withOneUnderWay(`answered-${status}`);
    await harness.until(harness.broker.deleteSubscription(name));
    endpoint.open[0]!.answer(status);
    await harness.clock.advance(200);
    left.push(harness.clock.pendingCount);
  }
  expect(left[1]).toBe(left[0]);
});

test('a key that goes cuts the last requests of a deleted subscription too', async () => {
  await open();
  const name = await withOneUnderWay('pushed');
  await harness.until(harness.broker.deleteSubscription(name));
  expect(endpoint.open).toHaveLength(1);
  await harness.setKeyEnabled(keyVersion, false);
  await harness.clock.advance(250);
  expect(endpoint.open).toEqual([]);
});

test('the last requests of a topic that is deleted are cut with its last subscription', async () => {
  await open();
  const name = await withOneUnderWay('pushed');
  await harness.until(harness.broker.deleteTopic(topic));
  expect(endpoint.open).toHaveLength(1);
  await harness.until(harness.broker.deleteSubscription(name));
  expect(endpoint.open).toEqual([]);
});

test('a broker that has stopped begins no push', async () => {
  await open();
  const name = await harness.createSubscription('pulled', topic);
  await harness.publish(topic, 'a');
  await harness.until(harness.broker.drain(1_000));
  const before = harness.clock.pendingCount;
  await harness.until(harness.broker.modifyPushConfig(name, pushConfig)).catch(() => undefined);
  const created = harness.createSubscription('late', topic, { pushConfig });
  await created.catch(() => undefined);
  await harness.clock.settle();
  expect(endpoint.seen).toEqual([]);
  expect(harness.clock.pendingCount).toBe(before);
});
