import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';

test('subscriptions whose consumers died with all the leases do not starve a healthy one', async () => {
  const harness = await BrokerHarness.open({ limits: { leasesMax: 300 } });
  const greedy = await harness.createTopic('greedy');
  const dead = await harness.createSubscription('dead', greedy);
  await harness.publish(greedy, ...Array.from({ length: 400 }, (_, i) => `${i}`));
  expect(await harness.pull(dead)).not.toHaveLength(0);
  await harness.pull(dead);
  await harness.pull(dead);
  const healthy = await harness.createTopic('healthy');
  const subscription = await harness.createSubscription('alive', healthy);
  await harness.publish(healthy, 'one', 'two');
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['one', 'two']);
  await harness.close();
});
