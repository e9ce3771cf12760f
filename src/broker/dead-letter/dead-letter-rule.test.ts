import { afterEach, beforeEach, expect, test } from 'vitest';

import {
  BrokerHarness,
  subscriptionName,
  topicName,
} from '../../../test/support/broker-harness.ts';
import type { DeadLetterPolicy, Subscription } from '../service.ts';

let harness: BrokerHarness;

beforeEach(async () => {
  harness = await BrokerHarness.open();
});
afterEach(async () => {
  await harness.close();
});

const to = (topic: string): { deadLetterPolicy: DeadLetterPolicy } => ({
  deadLetterPolicy: { deadLetterTopic: topicName(topic), maxDeliveryAttempts: 5 },
});

async function subscribe(id: string, topic: string, target: string): Promise<string> {
  return await harness.createSubscription(id, topicName(topic), to(target));
}

async function turn(id: string, target: string): Promise<void> {
  const { broker } = harness;
  const change = (stored: Subscription): Subscription => ({ ...stored, ...to(target) });
  const fields = ['dead_letter_policy'];
  await harness.until(broker.updateSubscription(subscriptionName(id), change, fields));
}

const circle = {
  code: 'INVALID_ARGUMENT',
  message: expect.stringContaining(
    'dead_letter_policy.dead_letter_topic: must not be the topic of the subscription',
  ) as string,
};

test('a dead letter topic must exist when the policy is set', async () => {
  const missing = {
    code: 'NOT_FOUND',
    message: 'Resource not found (resource=failed).',
  };
  const orders = await harness.createTopic('orders');
  await expect(subscribe('kitchen', 'orders', 'failed')).rejects.toMatchObject(missing);
  await harness.createSubscription('kitchen', orders);
  await expect(turn('kitchen', 'failed')).rejects.toMatchObject(missing);
  await harness.createTopic('failed');
  await turn('kitchen', 'failed');
  const stored = await harness.broker.getSubscription(subscriptionName('kitchen'));
  expect(stored.deadLetterPolicy).toEqual(to('failed').deadLetterPolicy);
});

test("trap: a dead letter topic that is the subscription's own is refused", async () => {
  const orders = await harness.createTopic('orders');
  await expect(subscribe('kitchen', 'orders', 'orders')).rejects.toMatchObject(circle);
  await harness.createSubscription('kitchen', orders);
  await expect(turn('kitchen', 'orders')).rejects.toMatchObject(circle);
});

test('a circle over several topics is refused at the policy that would close it', async () => {
  for (const id of ['aaa', 'bbb', 'ccc', 'ddd']) await harness.createTopic(id);
  await subscribe('of-a', 'aaa', 'bbb');
  await subscribe('of-b', 'bbb', 'ccc');
  await expect(subscribe('of-c', 'ccc', 'aaa')).rejects.toMatchObject(circle);
  // Two ways to one place are no circle.
  await subscribe('of-c', 'ccc', 'ddd');
  await subscribe('also-of-a', 'aaa', 'ddd');
  await expect(turn('of-c', 'bbb')).rejects.toMatchObject(circle);
  await expect(subscribe('of-d', 'ddd', 'aaa')).rejects.toMatchObject(circle);
});

test('what was refused closes nothing, and a policy that is gone blocks nothing', async () => {
  for (const id of ['aaa', 'bbb']) await harness.createTopic(id);
  await subscribe('of-a', 'aaa', 'bbb');
  await expect(subscribe('of-b', 'bbb', 'aaa')).rejects.toMatchObject(circle);
  await harness.until(harness.broker.deleteSubscription(subscriptionName('of-a')));
  await subscribe('of-b', 'bbb', 'aaa');
  await expect(subscribe('of-a', 'aaa', 'bbb')).rejects.toMatchObject(circle);
});

test('two policies that are set at once cannot close a circle together', async () => {
  for (const id of ['aaa', 'bbb']) await harness.createTopic(id);
  const both = await harness.until(
    Promise.allSettled([subscribe('of-a', 'aaa', 'bbb'), subscribe('of-b', 'bbb', 'aaa')]),
  );
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

test('a topic that is made anew under the name of a dead letter topic closes no circle', async () => {
  for (const id of ['aaa', 'bbb']) await harness.createTopic(id);
  await subscribe('of-a', 'aaa', 'bbb');
  await harness.until(harness.broker.deleteTopic(topicName('bbb')));
  await harness.createTopic('bbb');
  await expect(subscribe('of-b', 'bbb', 'aaa')).rejects.toMatchObject(circle);
});

test('what a deleted topic left behind may go to the one that is made under its name', async () => {
  const orders = await harness.createTopic('orders');
  await harness.createSubscription('kitchen', orders);
  await harness.until(harness.broker.deleteTopic(orders));
  await harness.createTopic('orders');
  await turn('kitchen', 'orders');
});

test('a restart forgets no policy that a circle would need', async () => {
  for (const id of ['aaa', 'bbb']) await harness.createTopic(id);
  await subscribe('of-a', 'aaa', 'bbb');
  await harness.restart();
  await expect(subscribe('of-b', 'bbb', 'aaa')).rejects.toMatchObject(circle);
});

test('a change that does not name the policy goes through while its topic is gone', async () => {
  for (const id of ['orders', 'failed']) await harness.createTopic(id);
  await subscribe('kitchen', 'orders', 'failed');
  await harness.until(harness.broker.deleteTopic(topicName('failed')));
  const { broker } = harness;
  const change = (stored: Subscription): Subscription => ({ ...stored, ackDeadlineSeconds: 60 });
  const fields = ['ack_deadline_seconds'];
  await harness.until(broker.updateSubscription(subscriptionName('kitchen'), change, fields));
  await expect(turn('kitchen', 'failed')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
