import { expect, test } from 'vitest';

import { BrokerHarness } from '../../test/support/broker-harness.ts';

async function open(): Promise<{ harness: BrokerHarness; topic: string; subscription: string }> {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  return { harness, topic, subscription };
}

const broken = (): never => {
  throw new Error('the transport broke');
};

test('a stream whose transport throws fails alone; what it got goes to another after its deadline', async () => {
  const { harness, topic, subscription } = await open();
  const bad = await harness.openStream(subscription);
  bad.onBatch = broken;
  const good = await harness.openStream(subscription);
  await harness.publish(topic, 'one');
  await harness.publish(topic, 'two');
  expect(bad.failure).toMatchObject({ code: 'INTERNAL' });
  expect(good.failure).toBeNull();
  await harness.clock.advance(11_000);
  expect(good.take().map(({ text }) => text)).toEqual(expect.arrayContaining(['one', 'two']));
  expect(bad.received).toHaveLength(1);
  await harness.close();
});

test('a stream that throws when it is told to end keeps no other from being told', async () => {
  const { harness, subscription } = await open();
  const bad = await harness.openStream(subscription);
  bad.fail = broken;
  const good = await harness.openStream(subscription);
  await harness.until(harness.broker.deleteSubscription(subscription));
  expect(good.failure).toMatchObject({ code: 'NOT_FOUND' });
  await harness.close();
});

test.each([true, false])(
  'a pull whose answer throws is refused, and nobody else is (at once: %s)',
  async (returnImmediately) => {
    const { harness, topic, subscription } = await open();
    await harness.publish(topic, 'one', 'two');
    const { signal } = new AbortController();
    const request = { messagesMax: 1, returnImmediately, signal };
    const pulling = harness.broker.pull(subscription, request, broken);
    const refused = expect(pulling).rejects.toThrow('the transport broke');
    const other = await harness.openStream(subscription);
    await refused;
    expect(other.failure).toBeNull();
    expect(other.received).toHaveLength(1);
    await harness.close();
  },
);

test.each([true, false])(
  'so is one that has nothing to answer with (at once: %s)',
  async (returnImmediately) => {
    const { harness, subscription } = await open();
    const { signal } = new AbortController();
    const request = { messagesMax: 1, returnImmediately, signal };
    const other = await harness.openStream(subscription);
    const pulling = harness.broker.pull(subscription, request, broken);
    const refused = expect(pulling).rejects.toThrow('the transport broke');
    await harness.clock.advance(25_000);
    await refused;
    expect(other.failure).toBeNull();
    await harness.close();
  },
);

test('a pull that is given up while it is being attached, and cannot be answered, is refused', async () => {
  const { harness, subscription } = await open();
  const request = { messagesMax: 1, returnImmediately: false, signal: AbortSignal.abort() };
  const pulling = harness.broker.pull(subscription, request, broken);
  await expect(harness.until(pulling)).rejects.toThrow('the transport broke');
  await harness.close();
});
