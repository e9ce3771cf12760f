import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { segmentKinds, type MemoryFault } from '../../storage/index.ts';

const topicAnd = async (
  harness: BrokerHarness,
  count: number,
): Promise<{ topic: string; subscription: string }> => {
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  const texts = Array.from({ length: count }, (_, i) => `message ${i}`);
  for (let at = 0; at < count; at += 500)
    await harness.publish(topic, ...texts.slice(at, at + 500));
  return { topic, subscription };
};

const ackLog = 2;

test.each<[MemoryFault[], number]>([
  [['conflict'], 1],
  [['unknown-landed'], 1],
  [['unknown-lost', 'conflict'], 1],
])('under %s an ack is answered, once it is durable', async (faults, count) => {
  const harness = await BrokerHarness.open();
  const { subscription } = await topicAnd(harness, 3);
  const received = await harness.pull(subscription);
  harness.faults.next(...faults);
  await harness.acknowledge(subscription, [received[1]!.ackId]);
  const segments = await harness.store.read(ackLog, 0, 1 << 20);
  expect(segments.filter(({ kind }) => kind === segmentKinds.ackDelta)).toHaveLength(count);
  await harness.restart();
  const texts = (await harness.pull(subscription)).map(({ text }) => text);
  expect(texts).toEqual(['message 0', 'message 2']);
  await harness.close();
});

test.each<[MemoryFault, string]>([
  ['full', 'RESOURCE_EXHAUSTED'],
  ['io', 'UNAVAILABLE'],
])('an ack that meets %s is refused, and durable a second later', async (fault, code) => {
  const harness = await BrokerHarness.open();
  const { subscription } = await topicAnd(harness, 3);
  const received = await harness.pull(subscription);
  harness.faults.next(fault);
  const ackIds = [received[1]!.ackId];
  await expect(harness.acknowledge(subscription, ackIds)).rejects.toMatchObject({ code });
  await harness.clock.advance(1_100);
  await harness.restart();
  expect(await harness.pull(subscription)).toHaveLength(2);
  await harness.close();
});

test('acks of a stream are durable after 10 ms, and not before', async () => {
  const harness = await BrokerHarness.open();
  const { subscription } = await topicAnd(harness, 3);
  const received = await harness.pull(subscription);
  harness.broker.streamAcknowledge(subscription, [received[0]!.ackId, 'nonsense']);
  harness.broker.streamAcknowledge(subscription, [received[1]!.ackId]);
  await harness.clock.advance(9);
  expect(await harness.store.read(ackLog, 0, 1)).toEqual([]);
  await harness.clock.advance(1);
  expect(await harness.store.read(ackLog, 0, 1)).toHaveLength(1);
  await harness.restart();
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['message 2']);
  await harness.close();
});

test('one malformed id refuses the whole request, with nothing done', async () => {
  const harness = await BrokerHarness.open();
  const { subscription } = await topicAnd(harness, 3);
  const received = await harness.pull(subscription);
  const ackIds = [received[0]!.ackId, 'nonsense'];
  const refused = {
    code: 'INVALID_ARGUMENT',
    message: 'You have passed an invalid ack ID to the service (ack_id=nonsense).',
  };
  await expect(harness.acknowledge(subscription, ackIds)).rejects.toMatchObject(refused);
  const modified = harness.broker.modifyAckDeadline(subscription, ackIds, 0);
  await expect(harness.until(modified)).rejects.toMatchObject(refused);
  expect((await harness.broker.backlogs())[0]).toMatchObject({
    unackedCount: 3,
    outstandingCount: 3,
  });
  await harness.close();
});

test('ten thousand deltas become a snapshot, which is all that the next start reads', async () => {
  const harness = await BrokerHarness.open({ limits: { outstandingWindow: 20_000 } });
  const { subscription } = await topicAnd(harness, 10_500);
  const ackIds: string[] = [];
  while (ackIds.length < 10_500) {
    ackIds.push(...(await harness.pull(subscription, 1_000)).map(({ ackId }) => ackId));
  }
  // Every fiftieth stays a hole.
  for (const [i, ackId] of ackIds.entries()) {
    if (i % 50 !== 0) await harness.until(harness.broker.acknowledge(subscription, [ackId]));
  }
  const segments = await harness.store.read(ackLog, 0, 1 << 26);
  expect(segments.some(({ kind }) => kind === segmentKinds.ackSnapshot)).toBe(true);
  expect(segments.length).toBeLessThan(300);
  await harness.restart();
  expect((await harness.broker.backlogs())[0]).toMatchObject({ unackedCount: 210 });
  await harness.close();
}, 60_000);

test('a drained broker leaves one snapshot', async () => {
  const harness = await BrokerHarness.open();
  const { subscription } = await topicAnd(harness, 5);
  for (const index of [1, 0, 1]) {
    const received = await harness.pull(subscription);
    await harness.acknowledge(subscription, [received[index]?.ackId ?? received[0]!.ackId]);
    await harness.clock.advance(11_000);
  }
  await harness.until(harness.broker.drain());
  const [segment, ...rest] = await harness.store.read(ackLog, 0, 1 << 20);
  expect([segment!.kind, rest.length]).toEqual([segmentKinds.ackSnapshot, 0]);
  await harness.restart();
  expect((await harness.broker.backlogs())[0]).toMatchObject({ unackedCount: 2 });
  await harness.close();
});
