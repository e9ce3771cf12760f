import { expect, test } from 'vitest';

import { BrokerHarness } from '../../test/support/broker-harness.ts';

test('an ack id from between two seeks names nothing, even if a crash undid the first seek', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one');
  harness.faults.next('full');
  const seeking = harness.broker.seek(subscription, { timeMs: 0 });
  await expect(harness.until(seeking)).rejects.toMatchObject({ reason: 'DISK_FULL' });
  const [between] = await harness.pull(subscription);
  await harness.restart();
  await harness.until(harness.broker.seek(subscription, { timeMs: 0 }));
  expect(await harness.pull(subscription)).toHaveLength(1);
  // Trap 5 of the reference: it must not acknowledge the message that was given back.
  await harness.acknowledge(subscription, [between!.ackId]);
  const [{ unackedCount } = { unackedCount: 0 }] = await harness.until(harness.broker.backlogs());
  expect(unackedCount).toBe(1);
  await harness.close();
});
