import { expect, test } from 'vitest';

import { BrokerHarness, textMessage, topicName } from '../../test/support/broker-harness.ts';

interface Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  /** From then on no call of the key service is answered. */
  readonly silence: () => void;
}

async function open(): Promise<Bench> {
  let isSilent = false;
  const harness = await BrokerHarness.open({
    wrapKeys: (keys) =>
      new Proxy(keys, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (isSilent && (name === 'encrypt' || name === 'decrypt')) {
            return () => new Promise(() => undefined);
          }
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  });
  const key = await harness.createKey();
  const topic = await harness.createTopic('orders', { kmsKeyName: key.name });
  const silence = (): void => {
    isSilent = true;
  };
  return { harness, topic, silence };
}

/** The one call that is under way: what it brings must be forgotten with the topic. */
const callMs = 5_000;

test.each([
  [1, 0],
  [0, callMs],
])(
  'deleting a topic with %d subscriptions, and what comes after it, waits for the key service %d ms',
  async (subscriptionCount, longestMs) => {
    const { harness, topic, silence } = await open();
    if (subscriptionCount > 0) await harness.createSubscription('billing', topic);
    silence();
    const publishing = harness.broker.publish(topic, [textMessage('a')]);
    const refused = expect(publishing).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await harness.clock.settle();
    const beganMs = harness.clock.monotonicMs();
    await harness.until(harness.broker.deleteTopic(topic));
    await refused;
    await harness.createTopic('next');
    expect(harness.clock.monotonicMs() - beganMs).toBeLessThanOrEqual(longestMs);
    await harness.close();
  },
);

test('a diagnosis says soon that the key service does not answer', async () => {
  const { harness, topic, silence } = await open();
  const subscription = await harness.createSubscription('billing', topic);
  silence();
  const beganMs = harness.clock.monotonicMs();
  const { broker } = harness;
  const found = await harness.until(broker.diagnoseSubscription(subscription));
  const ofTopic = await harness.until(broker.diagnoseTopic(topicName('orders')));
  expect(harness.clock.monotonicMs() - beganMs).toBeLessThanOrEqual(10_000);
  for (const { key, findings } of [found, ofTopic]) {
    expect(key).toMatchObject({ isUsable: false, reason: 'KMS_UNREACHABLE' });
    expect(findings[0]).toMatchObject({ severity: 'error', reason: 'KEY_UNUSABLE' });
    expect(findings[0]?.message).toContain('has not answered for 5 seconds.');
  }
  await harness.close();
});
