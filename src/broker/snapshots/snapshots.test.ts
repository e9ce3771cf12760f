import { describe, expect, test } from 'vitest';

import {
  project,
  snapshotName,
  subscriptionDefaults,
  subscriptionName,
  type HarnessOptions,
} from '../../../test/support/broker-harness.ts';
import {
  ack,
  kept,
  openSnapshotBench,
  replay,
  type SnapshotBench,
} from '../../../test/support/snapshot-bench.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { silentLogger, type Logger } from '../../runtime/index.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const open = async (options: HarnessOptions = {}, ...texts: string[]): Promise<SnapshotBench> =>
  await openSnapshotBench(options, { messageRetentionMs: 31 * dayMs }, texts);

describe('a snapshot', () => {
  test('captures what is unacknowledged and what is published afterwards, holes included', async () => {
    const bench = await open({}, 'a', 'b', 'c', 'd');
    const { harness, topic, subscription } = bench;
    await ack(bench, 'a', 'c');
    const snapshot = await harness.createSnapshot('before', subscription);
    await harness.publish(topic, 'e');
    expect(await harness.consume(subscription)).toEqual(['b', 'd', 'e']);
    await kept(bench);
    await harness.restart();
    expect(await replay(bench, snapshot)).toEqual(['b', 'd', 'e']);
    await harness.close();
  });

  test('does not hold what was acknowledged before it was asked for', async () => {
    const bench = await open({}, 'a', 'b');
    const { harness, subscription } = bench;
    const [first] = await harness.pull(subscription);
    // The order in which they arrive decides, not the one in which the disk confirms them.
    const acking = harness.broker.acknowledge(subscription, [first!.ackId]);
    const name = snapshotName('before');
    const creating = harness.broker.createSnapshot({ name, subscription, labels: {} });
    await harness.until(Promise.all([acking, creating]));
    expect(await replay(bench, name)).toEqual(['b']);
    await harness.close();
  });

  test('outlives the acknowledgements, the seeks and the deletion of its source', async () => {
    const bench = await open({}, 'a', 'b', 'c');
    const { harness, subscription } = bench;
    const snapshot = await harness.createSnapshot('before', subscription);
    await harness.consume(subscription);
    await harness.until(harness.broker.seek(subscription, { timeMs: Date.UTC(3000) }));
    expect(await kept(bench)).toEqual([0, 3]);
    await harness.until(harness.broker.deleteSubscription(subscription));
    expect(await kept(bench)).toEqual([0, 3]);
    await harness.restart();
    expect(await replay(bench, snapshot)).toEqual(['a', 'b', 'c']);
    await harness.close();
  });

  test('keeps the messages of a deleted topic, under whose name it is shown no more', async () => {
    const bench = await open({}, 'a', 'b');
    const { harness, topic, subscription } = bench;
    const snapshot = await harness.createSnapshot('before', subscription);
    await harness.until(harness.broker.deleteTopic(topic));
    await harness.restart();
    expect(await harness.broker.getSnapshot(snapshot)).toMatchObject({ topic: '_deleted-topic_' });
    expect(await harness.consume(subscription)).toEqual(['a', 'b']);
    await harness.until(harness.broker.seek(subscription, { snapshot }));
    expect(await harness.consume(subscription)).toEqual(['a', 'b']);
    await harness.until(harness.broker.deleteSubscription(subscription));
    expect(await kept(bench)).toEqual([0, 2]);
    await harness.until(harness.broker.deleteSnapshot(snapshot));
    expect(harness.disk.stats().segmentCount).toBe(0);
    expect(await harness.keyRows.list('dek/')).toEqual([]);
    await harness.close();
  });

  test('that is deleted lets go of what nobody else needs, and leaves no log', async () => {
    const bench = await open({}, 'a', 'b', 'c');
    const { harness, subscription } = bench;
    const snapshot = await harness.createSnapshot('before', subscription);
    await harness.consume(subscription);
    const { segmentCount } = harness.disk.stats();
    await harness.until(harness.broker.deleteSnapshot(snapshot));
    expect(harness.disk.stats().segmentCount).toBe(segmentCount - 1);
    expect(await kept(bench)).toEqual([2, 3]);
    await expect(harness.broker.getSnapshot(snapshot)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await harness.close();
  });

  test('belongs to a topic, whose new namesake has none', async () => {
    const { harness, topic, subscription } = await open({}, 'a');
    await harness.createSnapshot('before', subscription);
    await harness.until(harness.broker.deleteTopic(topic));
    await harness.createTopic('orders');
    const page = { pageSize: 0, pageToken: '' };
    expect((await harness.broker.listTopicSnapshots(topic, page)).items).toEqual([]);
    await harness.close();
  });
});

describe('the life of a snapshot', () => {
  test('is 7 days less the age of the oldest message that is not acknowledged', async () => {
    const { harness, topic, subscription } = await open();
    const empty = await harness.createSnapshot('empty', subscription);
    expect(await harness.broker.getSnapshot(empty)).toEqual({
      name: empty,
      topic,
      labels: {},
      expireTimeMs: harness.clock.wallMs() + 7 * dayMs,
    });
    await harness.publish(topic, 'a');
    harness.clock.stepWall(3 * dayMs);
    await harness.publish(topic, 'b');
    const aged = await harness.createSnapshot('aged', subscription);
    const { expireTimeMs } = await harness.broker.getSnapshot(aged);
    expect(expireTimeMs).toBe(harness.clock.wallMs() + 4 * dayMs);
    await harness.close();
  });

  test('is refused when it would be less than an hour', async () => {
    const { harness, topic, subscription } = await open({}, 'a');
    harness.clock.stepWall(7 * dayMs - hourMs);
    await harness.createSnapshot('just', subscription);
    harness.clock.stepWall(1);
    await expect(harness.createSnapshot('late', subscription)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('less than 1 hour') as string,
    });
    await harness.consume(subscription);
    await harness.publish(topic, 'b');
    await harness.createSnapshot('late', subscription);
    await harness.close();
  });

  test('ends by the clock, which the log tells by the name of the audit log', async () => {
    const lines: string[] = [];
    const log: Logger = { ...silentLogger, info: (_, line) => void lines.push(line) };
    const recorder = new EventRecorder();
    const bench = await open({ log, observer: recorder.observer }, 'a', 'b');
    const { harness, subscription } = bench;
    const snapshot = await harness.createSnapshot('before', subscription);
    await harness.consume(subscription);
    harness.clock.stepWall(7 * dayMs - 1);
    expect(await kept(bench)).toEqual([0, 2]);
    recorder.take();
    harness.clock.stepWall(1);
    expect(await kept(bench)).toEqual([1, 2]);
    await expect(harness.broker.getSnapshot(snapshot)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(recorder.take('snapshotDeleted')).toEqual([['snapshotDeleted', snapshot]]);
    expect(lines.filter((line) => line.includes('Internal'))).toEqual([
      'google.pubsub.v1.Subscriber.InternalExpireInactiveSnapshot: its time has come',
    ]);
    await harness.close();
  });

  test('may be shortened, and lengthened again up to what it was', async () => {
    const { harness, subscription } = await open({}, 'a');
    const name = await harness.createSnapshot('before', subscription);
    const before = await harness.broker.getSnapshot(name);
    const update = async (expireTimeMs: number): Promise<void> => {
      const changed = { ...before, expireTimeMs, labels: { kept: 'no' } };
      await harness.until(harness.broker.updateSnapshot(changed, ['expire_time']));
    };
    const nowMs = harness.clock.wallMs();
    await update(nowMs + hourMs);
    await harness.restart();
    expect(await harness.broker.getSnapshot(name)).toEqual({
      ...before,
      expireTimeMs: nowMs + hourMs,
    });
    await update(before.expireTimeMs);
    for (const wrong of [before.expireTimeMs + 1, harness.clock.wallMs()]) {
      await expect(update(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(await harness.broker.getSnapshot(name)).toEqual(before);
    const labels = { team: 'a' };
    const labelled = harness.broker.updateSnapshot({ ...before, labels, expireTimeMs: 0 }, [
      'labels',
    ]);
    expect(await harness.until(labelled)).toEqual({ ...before, labels });
    await harness.close();
  });
});

test('lists are in order, of one project or topic, and their tokens survive what comes and goes', async () => {
  const { harness, topic, subscription } = await open();
  for (const id of ['c', 'a', 'e', 'b']) await harness.createSnapshot(`snap-${id}`, subscription);
  const other = { name: 'projects/other/snapshots/snap-a', subscription, labels: {} };
  await harness.until(harness.broker.createSnapshot(other));
  const first = await harness.broker.listSnapshots(project, { pageSize: 2, pageToken: '' });
  expect(first.items.map(({ name }) => name)).toEqual(['snap-a', 'snap-b'].map(snapshotName));
  await harness.until(harness.broker.deleteSnapshot(snapshotName('snap-b')));
  await harness.createSnapshot('snap-aa', subscription);
  await harness.createSnapshot('snap-d', subscription);
  const rest = { pageSize: 10, pageToken: first.nextPageToken };
  const second = await harness.broker.listSnapshots(project, rest);
  expect(second.items.map(({ name }) => name)).toEqual(
    ['snap-c', 'snap-d', 'snap-e'].map(snapshotName),
  );
  expect(second.nextPageToken).toBe('');
  const ofTopic = await harness.broker.listTopicSnapshots(topic, { pageSize: 0, pageToken: '' });
  expect(ofTopic.items).toEqual(
    [
      other.name,
      ...['snap-a', 'snap-aa', 'snap-c', 'snap-d', 'snap-e'].map(snapshotName),
    ].toSorted(),
  );
  await expect(harness.broker.listSnapshots(project, { pageSize: 1, pageToken: 'x' }))
    .rejects //
    .toMatchObject({ code: 'INVALID_ARGUMENT' });
  await harness.close();
});

test('its gauges say what a seek would bring back', async () => {
  const { harness, topic, subscription } = await open({}, 'a', 'b', 'c');
  const [first, second] = await harness.pull(subscription);
  await harness.acknowledge(subscription, [second!.ackId]);
  const snapshot = await harness.createSnapshot('before', subscription);
  await harness.acknowledge(subscription, [first!.ackId]);
  await harness.clock.advance(30_000);
  await harness.publish(topic, 'd');
  const [report] = await harness.until(harness.broker.snapshotReports());
  expect(report).toMatchObject({ snapshot, messageCount: 3, oldestMessageAgeSeconds: 30 });
  expect(report!.backlogBytes).toBeGreaterThan(3);
  await harness.consume(subscription);
  await harness.createSnapshot('empty', subscription);
  const reports = await harness.until(harness.broker.snapshotReports());
  expect(reports.at(-1)).toEqual({
    snapshot: snapshotName('empty'),
    messageCount: 0,
    backlogBytes: 0,
    oldestMessageAgeSeconds: 0,
  });
  await harness.close();
});

test('each change is told, and each refusal', async () => {
  const recorder = new EventRecorder();
  const { harness, subscription } = await open({ observer: recorder.observer });
  const name = await harness.createSnapshot('before', subscription);
  await expect(harness.createSnapshot('before', subscription)).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    message: 'Resource already exists in the project (resource=before).',
  });
  const gone = harness.createSnapshot('other', subscriptionName('gone'));
  await expect(gone).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await harness.until(harness.broker.deleteSnapshot(name));
  await expect(harness.until(harness.broker.deleteSnapshot(name))).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'Resource not found (resource=before).',
  });
  expect(recorder.take('snapshotConfig', 'snapshotDeleted')).toEqual([
    ['snapshotConfig', name, 'create', 'OK'],
    ['snapshotConfig', name, 'create', 'ALREADY_EXISTS'],
    ['snapshotConfig', snapshotName('other'), 'create', 'NOT_FOUND'],
    ['snapshotDeleted', name],
    ['snapshotConfig', name, 'delete', 'OK'],
    ['snapshotConfig', name, 'delete', 'NOT_FOUND'],
  ]);
  await harness.close();
});

test('a drained broker makes none', async () => {
  const { harness, subscription } = await open();
  await harness.until(harness.broker.drain());
  const creating = harness.createSnapshot('before', subscription);
  await expect(creating).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const seeking = harness.broker.seek(subscription, { timeMs: 0 });
  await expect(seeking).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await harness.close();
});

test('a subscription can be made anew from nothing but a snapshot', async () => {
  const bench = await open({}, 'a');
  const { harness, topic, subscription } = bench;
  const snapshot = await harness.createSnapshot('before', subscription);
  await harness.until(harness.broker.deleteSubscription(subscription));
  const again = { ...subscriptionDefaults, name: subscription, topic };
  await harness.until(harness.broker.createSubscription(again));
  expect(await harness.pull(subscription)).toEqual([]);
  await harness.until(harness.broker.seek(subscription, { snapshot }));
  expect(await harness.consume(subscription)).toEqual(['a']);
  await harness.close();
});
