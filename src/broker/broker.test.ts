import { expect, test } from 'vitest';

import { BrokerHarness } from '../../test/support/broker-harness.ts';

test('a published message is pulled, acknowledged and gone', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  const ids = await harness.publish(topic, 'one', 'two');
  const received = await harness.pull(subscription);
  expect(received.map(({ text }) => text)).toEqual(['one', 'two']);
  expect(received.map(({ messageId }) => messageId)).toEqual(ids);
  await harness.acknowledge(
    subscription,
    received.map(({ ackId }) => ackId),
  );
  await harness.clock.advance(60_000);
  expect(await harness.pull(subscription)).toEqual([]);
  await harness.restart();
  expect(await harness.pull(subscription)).toEqual([]);
  await harness.close();
  expect(harness.clock.pendingCount).toBe(0);
});

test('an ack that arrives after a crash counts, though the new broker never handed it out', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one', 'two', 'three');
  const [, two] = await harness.pull(subscription);
  await harness.restart();
  await harness.acknowledge(subscription, [two!.ackId]);
  const texts = async (): Promise<string[]> =>
    (await harness.pull(subscription)).map(({ text }) => text);
  expect(await texts()).toEqual(['one', 'three']);
  await harness.restart();
  expect(await texts()).toEqual(['one', 'three']);
  await harness.close();
});

test('after a restart every lease is over, and an id from before it extends nothing', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one', 'two');
  const [one] = await harness.pull(subscription);
  await harness.restart();
  const { broker } = harness;
  await harness.until(broker.modifyAckDeadline(subscription, [one!.ackId], 600));
  const again = await harness.pull(subscription);
  expect(again.map(({ text }) => text)).toEqual(['one', 'two']);
  await harness.until(broker.modifyAckDeadline(subscription, [one!.ackId], 600));
  await harness.clock.advance(10_200);
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['one', 'two']);
  await harness.acknowledge(subscription, [one!.ackId]);
  await harness.clock.advance(10_200);
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['two']);
  await harness.close();
});

test('a timer that finds its acks written already does not hold up later acks', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one', 'two', 'three');
  const ackIds = (await harness.pull(subscription)).map(({ ackId }) => ackId);
  harness.broker.streamAcknowledge(subscription, ackIds.slice(0, 1));
  await harness.acknowledge(subscription, ackIds.slice(1, 2));
  await harness.clock.advance(100);
  await harness.acknowledge(subscription, ackIds.slice(2));
  await harness.restart();
  expect(await harness.pull(subscription)).toEqual([]);
  await harness.close();
});
