import { expect, test } from 'vitest';

import {
  BrokerHarness,
  subscriptionDefaults,
  subscriptionName,
} from '../../../test/support/broker-harness.ts';
import { resourceLimits, type ResourceLimits } from './resource-limits.ts';

const refusal = (quota: string): object => ({
  code: 'RESOURCE_EXHAUSTED',
  message: `You have exceeded your ${quota} quota (project="sim-project"). Refer to https://cloud.google.com/pubsub/quotas for more information.`,
});

async function open(more: Partial<ResourceLimits>): Promise<BrokerHarness> {
  return await BrokerHarness.open({ limits: { resources: { ...resourceLimits, ...more } } });
}

test('the limits are those of Pub/Sub', () => {
  expect(resourceLimits).toEqual({
    topicsPerProject: 10_000,
    subscriptionsPerProject: 10_000,
    subscriptionsPerTopic: 10_000,
    snapshotsPerProject: 5_000,
    snapshotsPerTopic: 5_000,
    schemasPerProject: 10_000,
    revisionsPerSchema: 20,
  });
});

test('a project has so many topics, and others have theirs', async () => {
  const harness = await open({ topicsPerProject: 2 });
  const first = await harness.createTopic('one');
  await harness.createTopic('two');
  await harness.restart();
  await expect(harness.createTopic('three')).rejects.toMatchObject(refusal('topics'));
  const other = harness.broker.createTopic({ name: 'projects/sim-project2/topics/t', labels: {} });
  await harness.until(other);
  await harness.until(harness.broker.deleteTopic(first));
  await harness.createTopic('three');
  await harness.close();
});

test('a project has so many subscriptions, detached ones included', async () => {
  const harness = await open({ subscriptionsPerProject: 2 });
  const topic = await harness.createTopic('orders');
  const first = await harness.createSubscription('one', topic);
  await harness.createSubscription('two', topic);
  await harness.until(harness.broker.detachSubscription(first));
  await expect(harness.createSubscription('three', topic)).rejects.toMatchObject(
    refusal('subscriptions'),
  );
  await harness.until(harness.broker.deleteSubscription(first));
  await harness.createSubscription('three', topic);
  await harness.close();
});

test('a topic has so many subscriptions, detached ones not, of whatever project', async () => {
  const harness = await open({ subscriptionsPerTopic: 2 });
  const topic = await harness.createTopic('orders');
  const first = await harness.createSubscription('one', topic);
  const name = 'projects/other/subscriptions/two';
  const other = harness.broker.createSubscription({ ...subscriptionDefaults, name, topic });
  await harness.until(other);
  const three = harness.createSubscription('three', topic);
  await expect(three).rejects.toMatchObject(refusal('subscriptions per topic'));
  await harness.until(harness.broker.detachSubscription(first));
  await harness.createSubscription('three', topic);
  await harness.close();
});

test.each([
  [{ snapshotsPerProject: 1 }, 'snapshots'],
  [{ snapshotsPerTopic: 1 }, 'snapshots per topic'],
])('of snapshots there are so many: %o', async (limits, quota) => {
  const harness = await open(limits);
  const subscription = await harness.createSubscription('s', await harness.createTopic('orders'));
  const first = await harness.createSnapshot('one', subscription);
  await expect(harness.createSnapshot('two', subscription)).rejects.toMatchObject(refusal(quota));
  await harness.until(harness.broker.deleteSnapshot(first));
  await harness.createSnapshot('two', subscriptionName('s'));
  await harness.close();
});

test('one that is there already is refused as such, also at the limit', async () => {
  const harness = await open({ topicsPerProject: 1, subscriptionsPerProject: 1 });
  const topic = await harness.createTopic('orders');
  await harness.createSubscription('s', topic);
  await expect(harness.createTopic('orders')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(harness.createSubscription('s', topic)).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  await harness.close();
});
