import { expect, test } from 'vitest';

import { BrokerHarness, receivedOf, StreamProbe } from '../../test/support/broker-harness.ts';

const settings = {
  ackDeadlineSeconds: 10,
  outstandingMessagesMax: 0,
  outstandingBytesMax: 0,
  clientId: 'test',
};

async function open(): Promise<{ harness: BrokerHarness; topic: string; subscription: string }> {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  return { harness, topic, subscription };
}

test('a stream that is being opened while its subscription goes ends with NOT_FOUND', async () => {
  const { harness, subscription } = await open();
  const probe = new StreamProbe();
  // The first use of the topic's key takes a while: the subscription goes meanwhile.
  const opening = harness.broker.openStream(subscription, settings, probe);
  const deleting = harness.broker.deleteSubscription(subscription);
  await expect(harness.until(opening)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await harness.until(deleting);
  await harness.close();
  expect(harness.clock.pendingCount).toBe(0);
});

test('a stream that is being opened while the broker drains ends with UNAVAILABLE', async () => {
  const { harness, subscription } = await open();
  const opening = harness.broker.openStream(subscription, settings, new StreamProbe());
  const draining = harness.broker.drain();
  await expect(harness.until(opening)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await harness.until(draining);
  await harness.close();
});

test('a pull whose client went away before it began leases nothing', async () => {
  const { harness, topic, subscription } = await open();
  await harness.publish(topic, 'one');
  // Now it is opened and at hand: a pull would get it at once.
  const [one] = await harness.pull(subscription);
  await harness.until(harness.broker.modifyAckDeadline(subscription, [one!.ackId], 0));
  const request = { messagesMax: 10, returnImmediately: false, signal: AbortSignal.abort() };
  expect(await harness.until(harness.broker.pull(subscription, request, receivedOf))).toEqual([]);
  expect((await harness.broker.backlogs())[0]).toMatchObject({ outstandingCount: 0 });
  await harness.close();
});

test('a pull whose client goes away while it waits leases nothing that comes later', async () => {
  const { harness, topic, subscription } = await open();
  const controller = new AbortController();
  const request = { messagesMax: 10, returnImmediately: false, signal: controller.signal };
  const pulling = harness.broker.pull(subscription, request, receivedOf);
  await harness.clock.advance(1_000);
  controller.abort();
  expect(await harness.until(pulling)).toEqual([]);
  await harness.publish(topic, 'one');
  expect((await harness.broker.backlogs())[0]).toMatchObject({ outstandingCount: 0 });
  await harness.close();
});

test('a waiting pull is answered by the next publish, or with nothing after 25 seconds', async () => {
  const { harness, topic, subscription } = await open();
  const pull = (): Promise<unknown[]> => {
    const { signal } = new AbortController();
    const request = { messagesMax: 10, returnImmediately: false, signal };
    return harness.broker.pull(subscription, request, receivedOf);
  };
  const first = pull();
  await harness.clock.advance(24_000);
  await harness.publish(topic, 'one');
  expect(await first).toMatchObject([{ text: 'one' }]);
  let isAnswered = false;
  const second = pull().finally(() => {
    isAnswered = true;
  });
  await harness.clock.advance(9_000);
  expect(isAnswered).toBe(false);
  // The lease of the first has run out: it is what the second gets, long before its 25 seconds.
  await harness.clock.advance(1_100);
  expect(await second).toMatchObject([{ text: 'one' }]);
  const [{ ackId }] = (await second) as [{ ackId: string }];
  await harness.acknowledge(subscription, [ackId]);
  const third = pull();
  await harness.clock.advance(25_000);
  expect(await third).toEqual([]);
  await harness.close();
});

test('the wall clock may go back: acks and publishes go on', async () => {
  const { harness, topic, subscription } = await open();
  const times: number[] = [];
  for (const text of ['one', 'two', 'three']) {
    await harness.publish(topic, text);
    const [received] = await harness.pull(subscription);
    times.push(received!.publishTimeMs);
    await harness.acknowledge(subscription, [received!.ackId]);
    harness.clock.stepWall(-60_000);
  }
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const logs = [1, 2];
  for (const log of logs) {
    const segments = await harness.store.read(log, 0, 1 << 20);
    const stored = segments.map(({ timeMs }) => timeMs);
    expect(stored.length).toBeGreaterThan(2);
    expect(stored).toEqual(stored.toSorted((a, b) => a - b));
  }
  await harness.close();
});

test('a subscription that waits for the room of others is woken when they make some', async () => {
  const { LeaseBudget } = await import('./delivery/lease-budget.ts');
  const budget = new LeaseBudget(2);
  let wakes = 0;
  const waiting = { wake: (): void => void wakes++ };
  budget.add(2);
  expect(budget.isSpent).toBe(true);
  budget.wakeWhenFreed(waiting);
  budget.wakeWhenFreed(waiting);
  budget.add(-1);
  budget.add(-1);
  expect([wakes, budget.isSpent]).toEqual([1, false]);
});
