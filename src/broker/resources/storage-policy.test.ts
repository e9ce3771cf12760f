import { expect, test } from 'vitest';

import { BrokerHarness, subscriptionName } from '../../../test/support/broker-harness.ts';
import type { MessageStoragePolicy } from '../index.ts';
import type { Topic } from '../service.ts';

const region = 'europe-west3';
const elsewhere = ['us-east1', 'us-west1'];
const refusal = {
  code: 'FAILED_PRECONDITION',
  reason: 'REGION_NOT_ALLOWED',
  message: expect.stringContaining('region=europe-west3') as string,
};

async function open(policy: Partial<MessageStoragePolicy>, at?: string): Promise<BrokerHarness> {
  const harness = await BrokerHarness.open(at === undefined ? {} : { region: at });
  const messageStoragePolicy = {
    allowedPersistenceRegions: elsewhere,
    enforceInTransit: false,
    ...policy,
  };
  const topic = await harness.createTopic('orders', { messageStoragePolicy });
  await harness.createSubscription('billing', topic);
  return harness;
}

test.each([
  ['without a region of the server', {}, undefined],
  ['that names the region', { allowedPersistenceRegions: [...elsewhere, region] }, region],
])('a policy %s refuses nothing', async (_, policy, at) => {
  const harness = await open({ ...policy, enforceInTransit: true }, at);
  await harness.publish('projects/sim-project/topics/orders', 'a');
  expect(await harness.consume(subscriptionName('billing'))).toEqual(['a']);
  await harness.close();
});

test('a policy that excludes the region refuses publishing, and no pull unless it says so', async () => {
  const harness = await open({}, region);
  const topic = 'projects/sim-project/topics/orders';
  await expect(harness.publish(topic, 'a')).rejects.toMatchObject(refusal);
  expect(await harness.pull(subscriptionName('billing'))).toEqual([]);
  await harness.close();
});

test('one that is enforced in transit refuses every way of taking messages', async () => {
  const harness = await open({ enforceInTransit: true }, region);
  const subscription = subscriptionName('billing');
  await expect(harness.pull(subscription)).rejects.toMatchObject(refusal);
  await expect(harness.openStream(subscription)).rejects.toMatchObject(refusal);
  const pushConfig = { endpoint: 'http://localhost:1/', attributes: {} };
  await harness.until(harness.broker.modifyPushConfig(subscription, pushConfig));
  await harness.clock.settle();
  expect((await harness.broker.getSubscription(subscription)).state).toBe('RESOURCE_ERROR');
  await harness.close();
});

test('one that is set later ends who takes messages, and one that is taken back lets them', async () => {
  const harness = await open({ allowedPersistenceRegions: [region] }, region);
  const name = 'projects/sim-project/topics/orders';
  const stream = await harness.openStream(subscriptionName('billing'));
  const set = async (messageStoragePolicy?: MessageStoragePolicy): Promise<void> => {
    const change = ({ messageStoragePolicy: _before, ...rest }: Topic): Topic =>
      messageStoragePolicy === undefined ? rest : { ...rest, messageStoragePolicy };
    await harness.until(harness.broker.updateTopic(name, change, ['message_storage_policy']));
  };
  await set({ allowedPersistenceRegions: elsewhere, enforceInTransit: true });
  expect(stream.failure).toMatchObject(refusal);
  await harness.restart();
  await expect(harness.publish(name, 'a')).rejects.toMatchObject(refusal);
  await set();
  await harness.publish(name, 'a');
  expect(await harness.consume(subscriptionName('billing'))).toEqual(['a']);
  await harness.close();
});
