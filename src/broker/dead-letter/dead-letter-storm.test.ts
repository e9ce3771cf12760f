import { afterEach, expect, test } from 'vitest';

import { BrokerHarness, topicName } from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { ScriptedEndpoint } from '../../../test/support/scripted-endpoint.ts';
import type { DeadLetterPolicy, PushConfig } from '../service.ts';

let harness: BrokerHarness;

afterEach(async () => {
  await harness.close();
});

const to = (topic: string): { deadLetterPolicy: DeadLetterPolicy } => ({
  deadLetterPolicy: { deadLetterTopic: topicName(topic), maxDeliveryAttempts: 5 },
});

test('10,000 messages that fail together are forwarded a few at a time, each of them once', async () => {
  const events = new EventRecorder();
  const limits = { outstandingWindow: 20_000 };
  harness = await BrokerHarness.open({ observer: events.observer, limits });
  const bench = await DeadLetterBench.open(harness);
  const texts = Array.from({ length: 10_000 }, (_, n) => `m${n}`);
  for (let at = 0; at < texts.length; at += 1_000) {
    await harness.publish(bench.orders, ...texts.slice(at, at + 1_000));
  }
  // All are outstanding at once, and their deadlines pass together.
  for (let failures = 0; failures < 5; failures++) {
    const stream = await harness.openStream(bench.kitchen);
    while (stream.received.length < texts.length) await harness.clock.settle();
    stream.stream.close();
    events.take();
    await harness.clock.advance(11_000);
  }
  while ((await bench.unacked()) > 0) await harness.clock.settle();
  const sealed = events.events.filter(([name]) => name === 'sealed').map(([, count]) => count);
  expect(Math.max(...(sealed as number[]))).toBeLessThanOrEqual(32);
  const letters: string[] = [];
  for (let batch = await bench.letters(); batch.length > 0; batch = await bench.letters()) {
    letters.push(...batch.map(({ text }) => text));
  }
  expect(letters.toSorted()).toEqual(texts.toSorted());
}, 60_000);

test('trap: two push subscriptions with a dead endpoint amplify nothing, wherever their policies lead', async () => {
  const events = new EventRecorder();
  const endpoint = new ScriptedEndpoint(() => harness.clock);
  endpoint.respond = () => 500;
  harness = await BrokerHarness.open({ observer: events.observer, pushSender: endpoint });
  const pushConfig: PushConfig = { endpoint: 'https://example.com/dead', attributes: {} };
  const topics = await Promise.all(
    ['orders', 'failed', 'hopeless'].map((id) => harness.createTopic(id)),
  );
  const [orders = '', failed = '', hopeless = ''] = topics;
  const pushed = async (id: string, topic: string, target: string): Promise<string> =>
    await harness.createSubscription(id, topic, { pushConfig, ...to(target) });

  await expect(pushed('one', orders, 'orders')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  for (const id of ['one', 'two']) await pushed(id, orders, 'failed');
  await expect(pushed('three', failed, 'orders')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  for (const id of ['three', 'four']) await pushed(id, failed, 'hopeless');
  await expect(pushed('five', hopeless, 'orders')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });

  await harness.publish(orders, 'soup');
  const published = (): string[] =>
    events.events.filter(([name]) => name === 'publish').map(([, topic]) => topic as string);
  while (published().length < 7) await harness.clock.advance(60_000);
  // A day later nothing has been added.
  for (let hours = 0; hours < 24; hours++) await harness.clock.advance(3_600_000);
  const counts = [orders, failed, hopeless].map(
    (topic) => published().filter((name) => name === topic).length,
  );
  expect(counts).toEqual([1, 2, 4]);
  expect(endpoint.seen).toHaveLength(2 * 5 + 4 * 5);
});
