import { describe, expect, test } from 'vitest';

import {
  BrokerHarness,
  textMessage,
  type HarnessOptions,
} from '../../test/support/broker-harness.ts';
import { StorageError } from '../storage/index.ts';
import type { BacklogReport, TopicReport } from './observer.ts';

/** Bytes of a one-character text as it is sealed. */
const bytesEach = textMessage('1').bytes.length;

async function open(options: HarnessOptions = {}): Promise<{
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;
  readonly report: () => Promise<BacklogReport>;
}> {
  const harness = await BrokerHarness.open(options);
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  const report = async (): Promise<BacklogReport> =>
    (await harness.until(harness.broker.backlogs()))[0]!;
  return { harness, topic, subscription, report };
}

describe('the bytes of a backlog', () => {
  test('are exact while all of it was published and delivered by this process', async () => {
    const { harness, topic, subscription, report } = await open();
    expect(await report()).toMatchObject({ unackedCount: 0, backlogBytes: 0 });
    await harness.publish(topic, '1', '2', '3', '4');
    expect(await report()).toMatchObject({ unackedCount: 4, backlogBytes: 4 * bytesEach });
    const [one, two] = await harness.pull(subscription, 2);
    expect(await report()).toMatchObject({ backlogBytes: 4 * bytesEach, outstandingCount: 2 });
    await harness.acknowledge(subscription, [one!.ackId]);
    await harness.until(harness.broker.modifyAckDeadline(subscription, [two!.ackId], 0));
    expect(await report()).toMatchObject({ backlogBytes: 3 * bytesEach, outstandingCount: 0 });
    await harness.acknowledge(subscription, [two!.ackId]);
    const rest = await harness.pull(subscription);
    await harness.acknowledge(
      subscription,
      rest.map(({ ackId }) => ackId),
    );
    expect(await report()).toMatchObject({ unackedCount: 0, backlogBytes: 0 });
    await harness.close();
  });

  test('are the mean of what was read, for messages from before a restart', async () => {
    const { harness, topic, subscription, report } = await open();
    await harness.publish(topic, '1', '2', '3', '4');
    const [, two] = await harness.pull(subscription, 3);
    await harness.acknowledge(subscription, [two!.ackId]);
    await harness.restart();
    // One was handed out and came back, three never were: of none the bytes are known.
    expect(await report()).toMatchObject({ unackedCount: 3, backlogBytes: 3 * bytesEach });
    await harness.publish(topic, '12345678');
    const more = bytesEach + 7;
    expect(await report()).toMatchObject({ backlogBytes: 3 * bytesEach + more });
    expect(await harness.pull(subscription)).toHaveLength(4);
    expect(await report()).toMatchObject({ backlogBytes: 3 * bytesEach + more });
    await harness.close();
  });

  test('go with what retention drops', async () => {
    const { harness, topic, subscription, report } = await open();
    await harness.publish(topic, '1', '2');
    await harness.pull(subscription, 1);
    await harness.clock.advance(7 * 24 * 3_600_000 + 60_000);
    await harness.publish(topic, '3');
    await harness.until(harness.broker.sweep());
    expect(await report()).toMatchObject({ unackedCount: 1, backlogBytes: bytesEach });
    await harness.close();
  });
});

describe('open streams', () => {
  test('are told by what holds them up', async () => {
    const { harness, topic, subscription, report } = await open();
    const full = await harness.openStream(subscription, { outstandingMessagesMax: 1 });
    const heavy = await harness.openStream(subscription, { outstandingBytesMax: 1 });
    const slow = await harness.openStream(subscription);
    slow.isReady = false;
    await harness.publish(topic, '1', '2', '3');
    await harness.openStream(subscription);
    expect((await report()).openStreams).toEqual({
      ok: 1,
      suspended_max_outstanding_messages_exceeded: 1,
      suspended_max_outstanding_bytes_exceeded: 1,
      suspended_client_flow_controlled: 1,
    });
    await harness.acknowledge(subscription, [full.received[0]!.ackId, heavy.received[0]!.ackId]);
    slow.stream.resume();
    expect((await report()).openStreams).toEqual({ ok: 4 });
    full.stream.close();
    expect((await report()).openStreams).toEqual({ ok: 3 });
    await harness.close();
  });

  test('a Pull that waits is none of them', async () => {
    const { harness, subscription, report } = await open();
    const { signal } = new AbortController();
    const request = { messagesMax: 1, returnImmediately: false, signal };
    const pulling = harness.broker.pull(subscription, request, () => null);
    await harness.clock.settle();
    expect((await report()).openStreams).toEqual({});
    const ended = expect(pulling).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await harness.until(harness.broker.deleteSubscription(subscription));
    await ended;
    await harness.close();
  });
});

describe('a topic', () => {
  const hour = 3_600_000;
  const reports = async (harness: BrokerHarness): Promise<TopicReport[]> =>
    await harness.until(harness.broker.topicReports());

  test('without a retention of its own retains nothing', async () => {
    const { harness, topic } = await open();
    await harness.publish(topic, '1');
    expect(await reports(harness)).toMatchObject([
      { topic, retainedMessages: 0, retainedBytes: 0, oldestRetainedAgeSeconds: 0 },
    ]);
    await harness.close();
  });

  test('counts what its retention keeps, also after a restart', async () => {
    const harness = await BrokerHarness.open();
    const topic = await harness.createTopic('orders', { messageRetentionMs: hour });
    await harness.publish(topic, '1');
    await harness.clock.advance(hour / 2);
    await harness.publish(topic, '2', '3');
    await harness.clock.advance(hour / 4);
    const sizes = { retainedMessages: 3, retainedBytes: 3 * bytesEach };
    expect(await reports(harness)).toMatchObject([
      { ...sizes, oldestRetainedAgeSeconds: (3 * hour) / 4000 },
    ]);
    await harness.restart();
    expect(await reports(harness)).toMatchObject([sizes]);
    await harness.clock.advance(hour / 2);
    expect(await reports(harness)).toMatchObject([
      { retainedMessages: 2, oldestRetainedAgeSeconds: (3 * hour) / 4000 },
    ]);
    await harness.clock.advance(hour);
    expect(await reports(harness)).toMatchObject([{ retainedMessages: 0, retainedBytes: 0 }]);
    await harness.close();
  });

  test('says NaN where the disk cannot tell', async () => {
    const harness = await BrokerHarness.open({
      wrapStore: (disk) => {
        disk.locate = () => Promise.reject(new StorageError('io', 'the disk does not answer'));
        return disk;
      },
    });
    const topic = await harness.createTopic('orders', { messageRetentionMs: hour });
    await harness.publish(topic, '1');
    expect(await reports(harness)).toMatchObject([{ topic, retainedMessages: NaN }]);
    await harness.close();
  });

  test('says whose key it is under, and whether that could be used', async () => {
    const { harness } = await open();
    const key = await harness.createKey();
    const topic = await harness.createTopic('sealed', { kmsKeyName: key.name });
    await harness.publish(topic, '1');
    const ofKey = async (): Promise<TopicReport | undefined> =>
      (await reports(harness)).find((report) => report.topic === topic);
    expect(await ofKey()).toMatchObject({ keyName: key.name, isKeyUsable: true });
    await harness.setKeyEnabled(key.version, false);
    expect(await ofKey()).toMatchObject({ keyName: key.name, isKeyUsable: false });
    await harness.setKeyEnabled(key.version, true);
    expect(await ofKey()).toMatchObject({ isKeyUsable: true });
    const [own] = (await reports(harness)).filter((report) => report.topic !== topic);
    expect(own).toMatchObject({ isKeyUsable: true });
    expect(own?.keyName).toMatch(/\/cryptoKeys\//);
    await harness.close();
  });
});

test('many reports let others have their turn in between', async () => {
  const harness = await BrokerHarness.open();
  for (let i = 0; i < 40; i++) await harness.createTopic(`topic-${i}`);
  let turns = 0;
  let isDone = false;
  const pending = harness.broker.topicReports().finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await harness.clock.settle(1);
    turns++;
  }
  expect(await pending).toHaveLength(40);
  expect(turns).toBeGreaterThan(2);
  await harness.close();
});

describe('what a subscription retains although it is acknowledged', () => {
  test('is counted where it is asked to, until its retention is over', async () => {
    const { harness, topic, report } = await open();
    const retaining = { retainAckedMessages: true, messageRetentionMs: 3_600_000 };
    const subscription = await harness.createSubscription('audit', topic, retaining);
    const audit = async (): Promise<BacklogReport> =>
      (await harness.until(harness.broker.backlogs())).find(
        (each) => each.subscription === subscription,
      )!;
    await harness.publish(topic, '1', '2', '3', '4');
    expect(await audit()).toMatchObject({ retainedAckedCount: 0, retainedAckedBytes: 0 });
    const received = await harness.pull(subscription, 3);
    const ackIds = received.map(({ ackId }) => ackId);
    await harness.acknowledge(subscription, ackIds);
    await harness.clock.advance(60_000);
    expect(await audit()).toMatchObject({
      retainedAckedCount: 3,
      retainedAckedBytes: 3 * bytesEach,
    });
    expect((await audit()).oldestRetainedAckedAgeSeconds).toBeGreaterThanOrEqual(60);
    expect(await report()).toMatchObject({ retainedAckedCount: 0 });
    await harness.clock.advance(3_600_000);
    expect(await audit()).toMatchObject({
      retainedAckedCount: 0,
      oldestRetainedAckedAgeSeconds: 0,
    });
    await harness.close();
  });
});
