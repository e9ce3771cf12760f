import { expect, test } from 'vitest';

import { BrokerHarness } from '../../test/support/broker-harness.ts';

test('who listens is told of every subscription of the topic whose key goes, and of no other', async () => {
  const harness = await BrokerHarness.open();
  const key = await harness.createKey();
  const keyed = await harness.createTopic('keyed', { kmsKeyName: key.name });
  const open = await harness.createTopic('open');
  const told: string[] = [];
  const cancel = harness.broker.onRevoked((subscription) => told.push(subscription));
  const names = [
    await harness.createSubscription('one', keyed),
    await harness.createSubscription('two', keyed),
  ];
  await harness.createSubscription('other', open);
  await harness.publish(keyed, 'a');
  await harness.setKeyEnabled(key.version, false);
  await harness.clock.advance(1_000);
  expect(new Set(told)).toEqual(new Set(names));
  cancel();
  told.length = 0;
  await harness.setKeyEnabled(key.version, true);
  await harness.clock.advance(1_000);
  await harness.publish(keyed, 'b');
  await harness.setKeyEnabled(key.version, false);
  await harness.clock.advance(1_000);
  expect(told).toEqual([]);
  await harness.close();
});
