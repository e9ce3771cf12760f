import { expect, test } from 'vitest';

import {
  BrokerHarness,
  type HarnessOptions,
  project,
  subscriptionName,
} from '../../../test/support/broker-harness.ts';
import { rowKeys } from '../catalog/catalog-rows.ts';

interface Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  /** Another ephemeral subscription of the topic. */
  readonly create: () => Promise<string>;
}

async function open(options: HarnessOptions = {}): Promise<Bench> {
  const harness = await BrokerHarness.open(options);
  const topic = await harness.createTopic('orders');
  const create = async (): Promise<string> =>
    (await harness.until(harness.broker.createEphemeralSubscription(topic, 10))).name;
  return { harness, topic, create };
}

const page = { pageSize: 0, pageToken: '' };

test('it gets what is published from then on, and settles each ack id', async () => {
  const { harness, topic, create } = await open();
  await harness.publish(topic, 'before');
  const name = await create();
  expect(name).toMatch(/^projects\/sim-project\/subscriptions\/goog-ephemeral-[0-9a-f]{32}$/);
  const probe = await harness.openStream(name);
  await harness.publish(topic, 'one', 'two');
  const [one, two] = probe.take();
  expect([one?.text, two?.text]).toEqual(['one', 'two']);
  const acks = harness.broker.acknowledgeEach(name, [one!.ackId, 'nonsense']);
  expect(await harness.until(acks)).toEqual(['done', 'invalid']);
  const nacks = harness.broker.modifyAckDeadlineEach(name, [two!.ackId, one!.ackId], 0);
  expect(await harness.until(nacks)).toEqual(['done', 'expired']);
  await harness.clock.settle();
  expect(probe.take().map(({ text }) => text)).toEqual(['two']);
  await harness.close();
  expect(harness.clock.pendingCount).toBe(0);
});

test('a Pull takes from it as well', async () => {
  const { harness, topic, create } = await open();
  const name = await create();
  await harness.publish(topic, 'one');
  expect((await harness.pull(name)).map(({ text }) => text)).toEqual(['one']);
  await harness.close();
});

test('it is in no list, and cannot be shown, changed or deleted like a resource', async () => {
  const { harness, topic, create } = await open();
  const name = await create();
  const { broker } = harness;
  expect((await broker.listSubscriptions(project, page)).items).toEqual([]);
  expect((await broker.listTopicSubscriptions(topic, page)).items).toEqual([]);
  await expect(broker.getSubscription(name)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const update = harness.until(broker.updateSubscription(name, (stored) => stored, ['labels']));
  await expect(update).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const remove = harness.until(broker.deleteSubscription(name));
  await expect(remove).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect((await broker.backlogs()).map(({ subscription }) => subscription)).toEqual([name]);
  await harness.close();
});

test('once deleted it is gone: its streams end, and a second delete does nothing', async () => {
  const { harness, create } = await open();
  const name = await create();
  const probe = await harness.openStream(name);
  await harness.until(harness.broker.deleteEphemeralSubscription(name));
  expect(probe.failure).toMatchObject({ code: 'NOT_FOUND' });
  await harness.until(harness.broker.deleteEphemeralSubscription(name));
  await expect(harness.pull(name)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await harness.broker.backlogs()).toEqual([]);
  await harness.close();
});

test('messages stay on the disk for it, and go when it has gone', async () => {
  const { harness, topic, create } = await open();
  const name = await create();
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  await harness.until(harness.broker.sweep());
  expect(harness.disk.stats().segmentCount).toBe(3);
  expect((await harness.pull(name)).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  await harness.until(harness.broker.deleteEphemeralSubscription(name));
  await harness.until(harness.broker.sweep());
  // The last segment of a log carries its tail.
  expect(harness.disk.stats().segmentCount).toBe(1);
  await harness.close();
});

test('it stores nothing: no row, no log, and no acknowledgement', async () => {
  const { harness, topic, create } = await open();
  const rows = async (): Promise<string[]> =>
    (await harness.disk.meta.list('', { limit: 100 })).map(({ key, version }) => key + version);
  const before = await rows();
  const name = await create();
  await harness.publish(topic, 'one');
  const [one] = await harness.pull(name);
  await harness.acknowledge(name, [one!.ackId]);
  expect(await rows()).toEqual(before);
  expect(harness.disk.stats().segmentCount).toBe(1);
  await harness.close();
});

test('deleting its topic ends it, and leaves no trace of the topic because of it', async () => {
  const { harness, topic, create } = await open();
  const probe = await harness.openStream(await create());
  await harness.publish(topic, 'one');
  await harness.until(harness.broker.deleteTopic(topic));
  expect(probe.failure).toMatchObject({ code: 'NOT_FOUND' });
  expect(await harness.disk.meta.list(rowKeys.deletedTopics, { limit: 1 })).toEqual([]);
  expect(harness.disk.stats().segmentCount).toBe(0);
  await expect(
    harness.until(harness.broker.createEphemeralSubscription(topic, 10)),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await harness.close();
});

test('a stored subscription keeps its deleted topic, whatever ephemeral ones there were', async () => {
  const { harness, topic, create } = await open();
  const stored = await harness.createSubscription('billing', topic);
  const probe = await harness.openStream(await create());
  await harness.publish(topic, 'one');
  await harness.until(harness.broker.deleteTopic(topic));
  expect(probe.failure).toMatchObject({ code: 'NOT_FOUND' });
  expect((await harness.pull(stored)).map(({ text }) => text)).toEqual(['one']);
  await harness.until(harness.broker.deleteSubscription(subscriptionName('billing')));
  expect(harness.disk.stats().segmentCount).toBe(0);
  await harness.close();
});

test('there are as many as may be, and no more until one has ended', async () => {
  const { harness, create } = await open({ limits: { ephemeralMax: 2 } });
  const first = await create();
  await create();
  await expect(create()).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'EPHEMERAL_SUBSCRIPTIONS_EXHAUSTED',
  });
  await harness.until(harness.broker.deleteEphemeralSubscription(first));
  await create();
  await harness.close();
});

test('a restart leaves nothing of it, and its ack ids fit no later one', async () => {
  const { harness, topic, create } = await open();
  const name = await create();
  await harness.publish(topic, 'one');
  const [one] = await harness.pull(name);
  await harness.restart();
  await expect(harness.pull(name)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const later = await create();
  expect(later).not.toBe(name);
  const settled = harness.broker.acknowledgeEach(later, [one!.ackId]);
  expect(await harness.until(settled)).toEqual(['invalid']);
  await harness.until(harness.broker.sweep());
  expect(await harness.pull(later)).toEqual([]);
  await harness.close();
});

test('a broker that drains ends it, and makes no more of them', async () => {
  const { harness, create } = await open();
  const probe = await harness.openStream(await create());
  await harness.close();
  expect(probe.failure).toMatchObject({ code: 'UNAVAILABLE' });
  await expect(create()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(harness.clock.pendingCount).toBe(0);
});
