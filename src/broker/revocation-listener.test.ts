import { expect, test } from 'vitest';

import { BrokerHarness, textMessage } from '../../test/support/broker-harness.ts';

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

test('a new topic of the name of a deleted one has a key of its own', async () => {
  const harness = await BrokerHarness.open();
  const [oldKey, newKey] = [await harness.createKey(), await harness.createKey()];
  const topic = await harness.createTopic('orders', { kmsKeyName: oldKey.name });
  const left = await harness.createSubscription('left', topic);
  await harness.publish(topic, 'a');
  await harness.until(harness.broker.deleteTopic(topic));
  await harness.createTopic('orders', { kmsKeyName: newKey.name });
  const fresh = await harness.createSubscription('fresh', topic);
  await harness.publish(topic, 'b');
  const told: string[] = [];
  harness.broker.onRevoked((subscription) => told.push(subscription));
  await harness.setKeyEnabled(newKey.version, false);
  await harness.clock.advance(1_000);
  expect(new Set(told)).toEqual(new Set([fresh]));
  expect((await harness.pull(left)).map(({ text }) => text)).toEqual(['a']);
  told.length = 0;
  await harness.setKeyEnabled(oldKey.version, false);
  await harness.clock.advance(1_000);
  expect(new Set(told)).toEqual(new Set([left]));
  await harness.close();
});

test('a key that goes while its topic is being deleted is told all the same', async () => {
  const { promise: written, resolve: letWrite } = Promise.withResolvers<void>();
  let isHeld = false;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const commit = disk.commit.bind(disk);
      disk.commit = async (ops) => {
        if (isHeld) await written;
        return await commit(ops);
      };
      return disk;
    },
  });
  const key = await harness.createKey();
  const topic = await harness.createTopic('orders', { kmsKeyName: key.name });
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'a');
  const told: string[] = [];
  harness.broker.onRevoked((name) => told.push(name));
  isHeld = true;
  const publishing = harness.broker.publish(topic, [textMessage('b')]);
  await harness.clock.settle();
  const deleting = harness.broker.deleteTopic(topic);
  await harness.clock.settle();
  await harness.setKeyEnabled(key.version, false);
  await harness.clock.advance(1_000);
  expect(new Set(told)).toEqual(new Set([subscription]));
  letWrite();
  await harness.until(Promise.all([publishing, deleting]));
  await harness.close();
});
