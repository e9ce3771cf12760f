import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import type { Subscription, Topic } from '../service.ts';

const minuteMs = 60_000;

test('what retention has passed over stays gone after a crash, before any sweep', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const brief = await harness.createSubscription('brief', topic, { messageRetentionMs: minuteMs });
  await harness.createSubscription('long', topic);
  await harness.publish(topic, 'old');
  await harness.clock.advance(2 * minuteMs);
  await harness.restart();
  const reports = await harness.broker.backlogs();
  expect(reports.find(({ subscription }) => subscription === brief)?.unackedCount).toBe(0);
  expect(await harness.pull(brief)).toEqual([]);
  await harness.close();
});

/** First and last sequence that the topic's log still holds. */
async function kept(harness: BrokerHarness): Promise<number[]> {
  const [tail] = await harness.store.tails([1]);
  return [tail!.trim, tail!.next];
}

async function ackAll(harness: BrokerHarness, subscription: string): Promise<void> {
  const received = await harness.pull(subscription);
  await harness.acknowledge(
    subscription,
    received.map(({ ackId }) => ackId),
  );
}

test('without subscriptions nothing is kept but the end of the log', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([2, 3]);
  await harness.close();
});

test('what one subscription still needs is kept, whatever the others have acknowledged', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const quick = await harness.createSubscription('quick', topic);
  const slow = await harness.createSubscription('slow', topic);
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  await ackAll(harness, quick);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([0, 3]);
  const [one, two] = await harness.pull(slow);
  await harness.acknowledge(slow, [two!.ackId]);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([0, 3]);
  await harness.acknowledge(slow, [one!.ackId]);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([2, 3]);
  await harness.close();
});

test.each([
  ['a subscription that retains what it acknowledged', { retainAckedMessages: true }, {}],
  ['a topic with a retention of its own', {}, { messageRetentionMs: 10 * minuteMs }],
])('%s keeps it for its time, and no longer', async (_, ofSubscription, ofTopic) => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders', ofTopic);
  const messageRetentionMs = 10 * minuteMs;
  const settings = { messageRetentionMs, ...ofSubscription };
  const subscription = await harness.createSubscription('billing', topic, settings);
  for (const text of ['one', 'two', 'three']) {
    await harness.publish(topic, text);
    await harness.clock.advance(minuteMs);
  }
  await ackAll(harness, subscription);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([0, 3]);
  // At 10 minutes and 20 seconds the first is too old, the second is not.
  await harness.clock.advance(7 * minuteMs + 20_000);
  expect(await kept(harness)).toEqual([1, 3]);
  await harness.clock.advance(10 * minuteMs);
  expect(await kept(harness)).toEqual([2, 3]);
  await harness.close();
});

test('a subscription that is expired past its leases and its frontier goes on behind', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const settings = { messageRetentionMs: minuteMs, ackDeadlineSeconds: 600 };
  const subscription = await harness.createSubscription('billing', topic, settings);
  await harness.publish(topic, 'leased');
  const [leased] = await harness.pull(subscription);
  await harness.publish(topic, 'waiting');
  await harness.clock.advance(2 * minuteMs);
  await harness.publish(topic, 'fresh');
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['fresh']);
  expect((await harness.broker.backlogs())[0]).toMatchObject({
    unackedCount: 1,
    outstandingCount: 1,
  });
  await harness.acknowledge(subscription, [leased!.ackId]);
  await harness.close();
});

test('messages that were trimmed under a reader are passed over', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  await harness.until(harness.store.trim([{ log: 1, below: 2 }]));
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['three']);
  expect((await harness.broker.backlogs())[0]).toMatchObject({ unackedCount: 1 });
  await harness.close();
});

test('the age of the oldest unacknowledged message is known, also when nobody has opened it', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  const age = async (): Promise<number> =>
    (await harness.broker.backlogs())[0]!.oldestUnackedAgeSeconds;
  expect(await age()).toBe(0);
  await harness.publish(topic, 'one');
  await harness.clock.advance(30_000);
  await harness.publish(topic, 'two');
  expect(await age()).toBe(30);
  await harness.restart();
  expect(await age()).toBe(30);
  const [one] = await harness.pull(subscription);
  await harness.acknowledge(subscription, [one!.ackId]);
  await harness.clock.advance(1_000);
  expect(await age()).toBe(1);
  await harness.close();
});

test('messages are kept for the topic without any subscription, until its topic is deleted', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders', { messageRetentionMs: 10 * minuteMs });
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([0, 3]);
  const subscription = await harness.createSubscription('billing', topic);
  await harness.until(harness.broker.deleteTopic(topic));
  // Nothing is retained for a topic that is gone: only what the subscription has not acknowledged.
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([2, 3]);
  await harness.until(harness.broker.deleteSubscription(subscription));
  await harness.close();
});

test('a retention that is lengthened later does not bring back what is gone', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  await ackAll(harness, subscription);
  await harness.until(harness.broker.sweep());
  const retaining = (stored: Subscription): Subscription => ({
    ...stored,
    retainAckedMessages: true,
  });
  const fields = ['retain_acked_messages'];
  await harness.until(harness.broker.updateSubscription(subscription, retaining, fields));
  await harness.until(harness.broker.seek(subscription, { timeMs: 0 }));
  // The last segment carries the end of the log, so its message is still there.
  expect((await harness.broker.backlogs())[0]).toMatchObject({ unackedCount: 1 });
  expect(await harness.consume(subscription)).toEqual(['three']);
  await harness.close();
});

test('what was sought from before the creation of its subscription is kept until it is done', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders', { messageRetentionMs: 10 * minuteMs });
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  const settings = { retainAckedMessages: true };
  const subscription = await harness.createSubscription('billing', topic, settings);
  await harness.until(harness.broker.seek(subscription, { timeMs: 0 }));
  const bare = ({ messageRetentionMs: _retention, ...rest }: Topic): Topic => rest;
  await harness.until(harness.broker.updateTopic(topic, bare, ['message_retention_duration']));
  await harness.until(harness.broker.sweep());
  expect(await harness.consume(subscription)).toEqual(['one', 'two', 'three']);
  await harness.until(harness.broker.sweep());
  expect(await kept(harness)).toEqual([2, 3]);
  await harness.close();
});
