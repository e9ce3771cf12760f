import { expect, test } from 'vitest';

import { BrokerHarness } from '../../test/support/broker-harness.ts';

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
