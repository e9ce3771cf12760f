import { expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { sealableMessage } from '../wire/index.ts';
import type { Subscription } from '../service.ts';

const texts = (received: readonly Received[]): string[] => received.map(({ text }) => text);

/** Two messages of one key; the first was pulled before a restart. */
async function restarted(
  harness: BrokerHarness,
  policy: Partial<Subscription>,
): Promise<{ subscription: string; ackId: string }> {
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, {
    enableExactlyOnceDelivery: true,
    enableMessageOrdering: true,
    ...policy,
  });
  for (const text of ['one', 'two']) {
    const data = Buffer.from(text);
    const message = sealableMessage({ data, attributes: [], orderingKey: 'key' });
    await harness.until(harness.broker.publish(topic, [message]));
  }
  const [{ ackId } = { ackId: '' }] = await harness.pull(subscription, 1);
  await harness.restart();
  return { subscription, ackId };
}

test('a message that fails before its key is known after a restart waits for its retry', async () => {
  const harness = await BrokerHarness.open();
  const { subscription, ackId } = await restarted(harness, {
    retryPolicy: { minimumBackoffMs: 60_000, maximumBackoffMs: 60_000 },
  });
  await harness.until(harness.broker.modifyAckDeadline(subscription, [ackId], 0));
  const stream = await harness.openStream(subscription, { ackDeadlineSeconds: 600 });
  await harness.clock.advance(59_000);
  expect(texts(stream.take())).toEqual([]);
  await harness.clock.advance(2_000);
  const again = stream.take();
  expect(texts(again)).toEqual(['one', 'two']);
  // Its delay is over for good: the delivery stands until its own deadline.
  await harness.clock.advance(500_000);
  const ackIds = again.map((each) => each.ackId);
  await harness.acknowledge(subscription, ackIds);
  expect(texts(stream.take())).toEqual([]);
  await harness.close();
});
