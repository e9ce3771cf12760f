import { expect, test } from 'vitest';

import { BrokerHarness } from '../../test/support/broker-harness.ts';
import { segmentKinds } from '../storage/index.ts';

interface Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;
}

async function open(options: Parameters<typeof BrokerHarness.open>[0] = {}): Promise<Bench> {
  const harness = await BrokerHarness.open(options);
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one', 'two', 'three');
  return { harness, topic, subscription };
}

const textsOf = async ({ harness, subscription }: Bench): Promise<string[]> =>
  (await harness.pull(subscription)).map(({ text }) => text);

test('a drained broker answers no acknowledgement that it cannot keep', async () => {
  const bench = await open();
  const { harness, subscription } = bench;
  const [one] = await harness.pull(subscription);
  await harness.until(harness.broker.drain());
  const refused = { code: 'UNAVAILABLE' };
  const ackIds = [one!.ackId];
  await expect(harness.acknowledge(subscription, ackIds)).rejects.toMatchObject(refused);
  const modified = harness.broker.modifyAckDeadline(subscription, ackIds, 60);
  await expect(harness.until(modified)).rejects.toMatchObject(refused);
  await harness.restart();
  expect(await textsOf(bench)).toEqual(['one', 'two', 'three']);
  await harness.close();
});

test('an acknowledgement under way when the drain begins is answered and kept', async () => {
  const bench = await open();
  const { harness, subscription } = bench;
  const [one, two] = await harness.pull(subscription);
  const before = harness.broker.acknowledge(subscription, [one!.ackId]);
  const draining = harness.broker.drain();
  const after = harness.broker.acknowledge(subscription, [two!.ackId]);
  await expect(harness.until(after)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await harness.until(before);
  await harness.until(draining);
  await harness.restart();
  expect(await textsOf(bench)).toEqual(['two', 'three']);
  await harness.close();
});

test('what is acknowledged while the snapshot is being written is not trimmed by it', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const bench = await open({
    wrapStore: (disk) => {
      const commit = disk.commit.bind(disk);
      disk.commit = async (ops) => {
        if (ops.some(({ kind }) => kind === segmentKinds.ackSnapshot)) await released;
        return await commit(ops);
      };
      return disk;
    },
  });
  const { harness, subscription } = bench;
  const [one, two] = await harness.pull(subscription);
  await harness.acknowledge(subscription, [one!.ackId]);
  const draining = harness.broker.drain();
  await harness.clock.settle();
  harness.broker.streamAcknowledge(subscription, [two!.ackId]);
  await harness.clock.advance(50);
  release();
  await harness.until(draining);
  await harness.restart();
  expect(await textsOf(bench)).toEqual(['three']);
  await harness.close();
});

test('a drain waits for the sweep that is under way', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { harness, topic, subscription } = await open();
  const received = await harness.pull(subscription);
  await harness.publish(topic, 'four');
  const ackIds = received.map(({ ackId }) => ackId);
  await harness.acknowledge(subscription, ackIds);
  let isTrimming = false;
  const trim = harness.disk.trim.bind(harness.disk);
  harness.disk.trim = async (trims) => {
    if (trims[0]?.log !== 1) return await trim(trims);
    isTrimming = true;
    await released;
    await trim(trims);
    isTrimming = false;
  };
  await harness.clock.advance(10_000);
  expect(isTrimming).toBe(true);
  let isTrimmedFirst: boolean | undefined;
  const draining = harness.broker.drain().then(() => {
    isTrimmedFirst = !isTrimming;
  });
  await harness.clock.settle();
  release();
  await harness.until(draining);
  expect(isTrimmedFirst).toBe(true);
  await harness.close();
});
