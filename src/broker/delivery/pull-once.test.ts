import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';

test('a Pull whose leases cannot be stored is a consumer no longer', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, {
    enableExactlyOnceDelivery: true,
  });
  await harness.publish(topic, 'one');
  harness.faults.next('io');
  await expect(harness.pull(subscription)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const { findings } = await harness.until(harness.broker.diagnoseSubscription(subscription));
  expect(findings.map(({ reason }) => reason)).toEqual(['NO_CONSUMER']);
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['one']);
  await harness.close();
});
