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
