import { describe, expect, test } from 'vitest';

import { BrokerHarness, topicName } from '../../../test/support/broker-harness.ts';
import { resourceLimits } from './resource-limits.ts';

describe('with topics that are made when they are used', () => {
  test('a publish makes its topic, and loses nothing for those that subscribe later to another', async () => {
    const harness = await BrokerHarness.open({ limits: { createsTopics: true } });
    expect(await harness.publish(topicName('orders'), 'first')).toHaveLength(1);
    const subscription = await harness.createSubscription('billing', topicName('refunds'));
    await harness.publish(topicName('refunds'), 'second');
    expect(await harness.consume(subscription)).toEqual(['second']);
    expect(await harness.broker.getTopic(topicName('orders'))).toMatchObject({ labels: {} });
    await harness.close();
  });

  test('many first publishes at once make one topic and are all stored', async () => {
    const harness = await BrokerHarness.open({ limits: { createsTopics: true } });
    const topic = topicName('orders');
    const ids = await Promise.all(['a', 'b', 'c'].map((text) => harness.publish(topic, text)));
    expect(new Set(ids.flat()).size).toBe(3);
    await harness.close();
  });

  test('an ephemeral subscription makes its topic, too', async () => {
    const harness = await BrokerHarness.open({ limits: { createsTopics: true } });
    const topic = topicName('orders');
    await harness.until(harness.broker.createEphemeralSubscription(topic, 10));
    expect(await harness.broker.getTopic(topic)).toMatchObject({ name: topic });
    await harness.close();
  });

  test('a project that may have no more topics is told so', async () => {
    const resources = { ...resourceLimits, topicsPerProject: 1 };
    const harness = await BrokerHarness.open({ limits: { createsTopics: true, resources } });
    await harness.publish(topicName('orders'), 'x');
    await expect(harness.publish(topicName('refunds'), 'x')).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    });
    await harness.close();
  });
});

test('otherwise what is not there is not found', async () => {
  const harness = await BrokerHarness.open();
  await expect(harness.publish(topicName('orders'), 'x')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await harness.close();
});
