import { expect, test } from 'vitest';

import {
  BrokerHarness,
  subscriptionDefaults,
  subscriptionName,
  topicName,
} from '../../../test/support/broker-harness.ts';
import { StorageError, type MemoryFault } from '../../storage/index.ts';
import type { Topic } from '../service.ts';

const codesOf = (results: readonly PromiseSettledResult<unknown>[]): string[] =>
  results.map((each) =>
    each.status === 'fulfilled' ? 'OK' : (each.reason as { code: string }).code,
  );

const settled = async (harness: BrokerHarness, ...tasks: Promise<unknown>[]): Promise<string[]> =>
  codesOf(await harness.until(Promise.allSettled(tasks)));

test('of many creates of one name at once, one succeeds', async () => {
  const harness = await BrokerHarness.open();
  const topic = { name: topicName('orders'), labels: {} };
  const creates = Array.from({ length: 5 }, () => harness.broker.createTopic(topic));
  expect((await settled(harness, ...creates)).toSorted()).toEqual([
    ...Array<string>(4).fill('ALREADY_EXISTS'),
    'OK',
  ]);
  const subscription = { ...subscriptionDefaults, name: subscriptionName('s'), topic: topic.name };
  const more = Array.from({ length: 5 }, () => harness.broker.createSubscription(subscription));
  expect((await settled(harness, ...more)).toSorted()).toEqual([
    ...Array<string>(4).fill('ALREADY_EXISTS'),
    'OK',
  ]);
  await harness.close();
});

test('a delete and a create of the same at once leave one of the two, also after a restart', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = { ...subscriptionDefaults, name: subscriptionName('s'), topic };
  const codes = await settled(
    harness,
    harness.broker.createSubscription(subscription),
    harness.broker.deleteTopic(topic),
    harness.broker.deleteTopic(topic),
  );
  expect(codes).toEqual(['OK', 'OK', 'NOT_FOUND']);
  for (const _ of [1, 2]) {
    expect(await harness.broker.getSubscription(subscription.name)).toMatchObject({
      topic: '_deleted-topic_',
    });
    await harness.restart();
  }
  await harness.until(harness.broker.deleteSubscription(subscription.name));
  expect(harness.disk.stats().segmentCount).toBe(0);
  await harness.close();
});

test('two updates at once both count, and one after a delete does not bring the topic back', async () => {
  const harness = await BrokerHarness.open();
  const name = await harness.createTopic('orders');
  const changed = { name, labels: { team: 'a' }, messageRetentionMs: 600_000 };
  const codes = await settled(
    harness,
    harness.broker.updateTopic(name, () => changed, ['labels']),
    harness.broker.updateTopic(name, () => changed, ['message_retention_duration']),
  );
  expect(codes).toEqual(['OK', 'OK']);
  expect(await harness.broker.getTopic(name)).toEqual(changed);
  const late = await settled(
    harness,
    harness.broker.deleteTopic(name),
    harness.broker.updateTopic(name, () => changed, ['labels']),
  );
  expect(late).toEqual(['OK', 'NOT_FOUND']);
  await harness.restart();
  await expect(harness.broker.getTopic(name)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await harness.close();
});

test('of changes of one field at once, each builds on what the one before it made', async () => {
  const harness = await BrokerHarness.open();
  const name = await harness.createTopic('orders');
  const labelled = (label: string): Promise<Topic> =>
    harness.broker.updateTopic(
      name,
      (stored) => ({ ...stored, labels: { ...stored.labels, [label]: 'set' } }),
      ['labels'],
    );
  const codes = await settled(harness, labelled('a'), labelled('b'), labelled('c'));
  expect(codes).toEqual(['OK', 'OK', 'OK']);
  const { labels } = await harness.broker.getTopic(name);
  expect(labels).toEqual({ a: 'set', b: 'set', c: 'set' });
  await harness.close();
});

test('ids are never given out twice, across deletes and restarts', async () => {
  const logs: number[] = [];
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const own = disk.own.bind(disk);
      disk.own = (log, seen) => {
        if (seen === 0) logs.push(log);
        return own(log, seen);
      };
      return disk;
    },
  });
  for (let round = 0; round < 4; round++) {
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic);
    await harness.publish(topic, 'one');
    const [received] = await harness.pull(subscription);
    await harness.acknowledge(subscription, [received!.ackId]);
    if (round === 1) await harness.restart();
    await harness.until(harness.broker.deleteSubscription(subscription));
    await harness.until(harness.broker.deleteTopic(topic));
    if (round === 2) await harness.restart();
  }
  expect(logs).toHaveLength(8);
  expect(new Set(logs).size).toBe(8);
  expect(harness.disk.stats().segmentCount).toBe(0);
  await harness.close();
});

test('logs that could not be removed are removed at the next start', async () => {
  let isRefusing = false;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const drop = disk.drop.bind(disk);
      disk.drop = (logs) => (isRefusing ? Promise.reject(new Error('not now')) : drop(logs));
      return disk;
    },
  });
  const topic = await harness.createTopic('orders');
  await harness.publish(topic, 'one');
  isRefusing = true;
  await harness.until(harness.broker.deleteTopic(topic));
  expect(harness.disk.stats().segmentCount).toBe(1);
  await harness.restart();
  expect(harness.disk.stats().segmentCount).toBe(1);
  isRefusing = false;
  await harness.restart();
  expect(harness.disk.stats().segmentCount).toBe(0);
  await harness.close();
});

test.each<[MemoryFault, string]>([
  ['conflict', 'ABORTED'],
  ['full', 'RESOURCE_EXHAUSTED'],
  ['io', 'UNAVAILABLE'],
  ['unknown-lost', 'UNAVAILABLE'],
])(
  'after %s a create is refused with %s, and succeeds when it is tried again',
  async (fault, code) => {
    const harness = await BrokerHarness.open();
    const topic = { name: topicName('orders'), labels: {} };
    harness.faults.next(fault);
    expect(await settled(harness, harness.broker.createTopic(topic))).toEqual([code]);
    expect(await settled(harness, harness.broker.createTopic(topic))).toEqual(['OK']);
    await harness.publish(topic.name, 'one');
    await harness.close();
  },
);

test('a change that landed though the storage failed to say so stands, and others go on', async () => {
  const harness = await BrokerHarness.open();
  const orders = { name: topicName('orders'), labels: {} };
  harness.faults.next('unknown-landed');
  expect(await settled(harness, harness.broker.createTopic(orders))).toEqual(['OK']);
  expect(await harness.broker.getTopic(orders.name)).toEqual(orders);
  const other = await harness.createTopic('other');
  harness.faults.next('unknown-landed');
  const labels = { team: 'a' };
  const update = harness.broker.updateTopic(other, (stored) => ({ ...stored, labels }), ['labels']);
  expect(await settled(harness, update)).toEqual(['OK']);
  harness.faults.next('unknown-landed');
  expect(await settled(harness, harness.broker.deleteTopic(other))).toEqual(['OK']);
  await harness.restart();
  expect(await harness.broker.getTopic(orders.name)).toEqual(orders);
  await expect(harness.broker.getTopic(other)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await harness.close();
});

test('an update that changes nothing and is refused leaves the next one possible', async () => {
  const harness = await BrokerHarness.open();
  const name = await harness.createTopic('orders');
  const update = async (labels: Record<string, string>): Promise<string[]> =>
    await settled(
      harness,
      harness.broker.updateTopic(name, () => ({ name, labels }), ['labels']),
    );
  harness.faults.next('unknown-lost');
  expect(await update({})).toEqual(['UNAVAILABLE']);
  expect(await update({ team: 'a' })).toEqual(['OK']);
  await harness.restart();
  expect(await harness.broker.getTopic(name)).toEqual({ name, labels: { team: 'a' } });
  await harness.close();
});

/** The next change lands in doubt, and cannot be asked for either. */
async function openDoubtful(): Promise<{ harness: BrokerHarness; doubt: () => void }> {
  let isAsking = false;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const get = disk.meta.get.bind(disk.meta);
      disk.meta.get = async (key) => {
        if (isAsking) throw new StorageError('io', 'the disk does not answer');
        return await get(key);
      };
      const txn = disk.meta.txn.bind(disk.meta);
      disk.meta.txn = async (checks, puts) => {
        isAsking = harness.faults.pendingCount > 0;
        return await txn(checks, puts);
      };
      return disk;
    },
  });
  const doubt = (): void => harness.faults.next('unknown-landed');
  return { harness, doubt };
}

test('after a change that nobody could confirm, the rows are read again', async () => {
  const { harness, doubt } = await openDoubtful();
  const name = await harness.createTopic('orders');
  const update = async (team: string): Promise<string[]> =>
    await settled(
      harness,
      harness.broker.updateTopic(name, () => ({ name, labels: { team } }), ['labels']),
    );
  doubt();
  expect(await update('a')).toEqual(['UNAVAILABLE']);
  expect([await update('b'), await update('b')]).toEqual([['ABORTED'], ['OK']]);
  const other = { name: topicName('other'), labels: {} };
  doubt();
  expect(await settled(harness, harness.broker.createTopic(other))).toEqual(['UNAVAILABLE']);
  expect(await settled(harness, harness.broker.createTopic(other))).toEqual(['ABORTED']);
  expect(await settled(harness, harness.broker.createTopic(other))).toEqual(['OK']);
  await harness.publish(other.name, 'one');
  await harness.restart();
  expect(await harness.broker.getTopic(other.name)).toEqual(other);
  await harness.close();
});
