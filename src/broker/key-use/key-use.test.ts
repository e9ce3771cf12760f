import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';

const hourMs = 3_600_000;

/** A topic under a key of its own, and a subscription. */
async function openBench() {
  const harness = await BrokerHarness.open();
  const { name: kmsKeyName, version } = await harness.createKey();
  const topic = await harness.createTopic('orders', { kmsKeyName });
  const subscription = await harness.createSubscription('s', topic);
  return { harness, kmsKeyName, version, topic, subscription };
}

const dekVersions = async (harness: BrokerHarness): Promise<number[]> =>
  (await harness.keyRows.list('dek/')).map(({ key }) => Number(key.slice(-10)));

/** Passes the life of a DEK: what is published next is sealed under another. */
async function nextDek(harness: BrokerHarness): Promise<void> {
  await harness.clock.advance(7 * hourMs);
  await harness.clock.settle();
}

/** A retention sweep, and what follows it in the background. */
async function sweep(harness: BrokerHarness): Promise<void> {
  await harness.until(harness.broker.sweep());
  await harness.clock.advance(100);
  await harness.clock.settle();
}

test('what depends on a version is counted to the message and the byte', async () => {
  const { harness, kmsKeyName, version, topic } = await openBench();
  const other = await harness.createTopic('paid', { kmsKeyName });
  const bare = await harness.createTopic('bare');
  await harness.publish(topic, 'a', 'b');
  await harness.publish(bare, 'x');
  await nextDek(harness);
  await harness.publish(topic, 'c');
  await harness.publish(other, 'd');
  const publishedMs = harness.clock.wallMs();
  const [use, ...rest] = await harness.until(harness.broker.keyUse(kmsKeyName));
  expect(rest).toEqual([]);
  const { diskBytes } = harness.disk.stats();
  expect(use).toMatchObject({ name: version, dekCount: 3, messageCount: 4 });
  expect(use!.byteCount).toBeGreaterThan(0);
  expect(use!.byteCount).toBeLessThan(diskBytes);
  expect(use!.topics.map(({ topic: name, messageCount }) => [name, messageCount])).toEqual([
    [topic, 3],
    [other, 1],
  ]);
  // The subscription keeps them for seven days.
  expect(use!.latestExpiryMs).toBeLessThanOrEqual(publishedMs + 7 * 24 * hourMs);
  expect(use!.latestExpiryMs).toBeGreaterThan(publishedMs + 7 * 24 * hourMs - 60_000);
  expect(await harness.until(harness.broker.keyUse(version))).toEqual([use]);
  await harness.close();
});

test('an answer is the same after a crash', async () => {
  const { harness, kmsKeyName, topic } = await openBench();
  for (let i = 0; i < 5; i++) {
    await harness.publish(topic, `m${i}`, `n${i}`);
    await nextDek(harness);
  }
  const before = await harness.until(harness.broker.keyUse(kmsKeyName));
  await harness.restart();
  expect(await harness.until(harness.broker.keyUse(kmsKeyName))).toEqual(before);
  expect(before[0]).toMatchObject({ dekCount: 5, messageCount: 10 });
  await harness.close();
});

test('of a version that nothing depends on, nothing is said', async () => {
  const { harness, kmsKeyName } = await openBench();
  const version = `${kmsKeyName}/cryptoKeyVersions/9`;
  expect(await harness.until(harness.broker.keyUse(kmsKeyName))).toEqual([]);
  const none = {
    dekCount: 0,
    spareDekCount: 0,
    messageCount: 0,
    byteCount: 0,
    latestExpiryMs: null,
    topics: [],
  };
  expect(await harness.until(harness.broker.keyUse(version))).toEqual([{ name: version, ...none }]);
  await harness.close();
});

test('a snapshot makes messages last as long as it does', async () => {
  const { harness, kmsKeyName, topic, subscription } = await openBench();
  await harness.publish(topic, 'a');
  await harness.until(
    harness.broker.updateSubscription(
      subscription,
      (old) => ({ ...old, messageRetentionMs: 600_000 }),
      ['message_retention_duration'],
    ),
  );
  const [short] = await harness.until(harness.broker.keyUse(kmsKeyName));
  const snapshot = await harness.createSnapshot('n', subscription);
  const { expireTimeMs } = await harness.broker.getSnapshot(snapshot);
  const [long] = await harness.until(harness.broker.keyUse(kmsKeyName));
  expect(short!.latestExpiryMs).toBeLessThan(expireTimeMs);
  expect(long!.latestExpiryMs).toBe(expireTimeMs);
  await harness.close();
});

test("a DEK's row goes with its last message; the newest stays, and those that are still read", async () => {
  const { harness, topic, subscription } = await openBench();
  await harness.publish(topic, 'a');
  await nextDek(harness);
  await harness.publish(topic, 'b');
  await nextDek(harness);
  await harness.publish(topic, 'c');
  expect(await dekVersions(harness)).toEqual([1, 2, 3]);
  expect(await harness.consume(subscription, 1)).toEqual(['a']);
  await sweep(harness);
  expect(await dekVersions(harness)).toEqual([2, 3]);
  const snapshot = await harness.createSnapshot('n', subscription);
  expect(await harness.consume(subscription)).toEqual(['b', 'c']);
  await sweep(harness);
  expect(await dekVersions(harness)).toEqual([2, 3]);
  await harness.until(harness.broker.seek(subscription, { snapshot }));
  expect(await harness.consume(subscription)).toEqual(['b', 'c']);
  await harness.until(harness.broker.deleteSnapshot(snapshot));
  await sweep(harness);
  expect(await dekVersions(harness)).toEqual([3]);
  await harness.publish(topic, 'd');
  expect(await harness.consume(subscription)).toEqual(['d']);
  await harness.close();
});

test('a crash leaves nothing that the next life does not erase', async () => {
  const { harness, topic, subscription } = await openBench();
  for (const text of ['a', 'b', 'c']) {
    await nextDek(harness);
    await harness.publish(topic, text);
  }
  await harness.consume(subscription);
  await harness.restart();
  await harness.clock.advance(11_000);
  await harness.clock.settle();
  // The last segment stays for its tail, and with it the DEK that it names.
  expect(await dekVersions(harness)).toEqual([3]);
  await harness.close();
});

test('a deleted topic takes its DEKs along, and what was noted of their use', async () => {
  const { harness, topic, subscription } = await openBench();
  await harness.publish(topic, 'a');
  await nextDek(harness);
  await harness.publish(topic, 'b');
  await harness.clock.settle();
  const notes = async (): Promise<number> => (await harness.meta.list('dek-run/')).length;
  expect(await notes()).toBe(1);
  await harness.until(harness.broker.deleteTopic(topic));
  expect(await dekVersions(harness)).toEqual([1, 2]);
  await harness.until(harness.broker.deleteSubscription(subscription));
  expect(await dekVersions(harness)).toEqual([]);
  expect(await notes()).toBe(0);
  const receipts = await harness.keyRows.list('dek-receipt/');
  const told = receipts.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as object);
  expect(told).toMatchObject([
    { topicName: topic, dekVersion: 1, sealedMessageCount: 1 },
    { topicName: topic, dekVersion: 2, sealedMessageCount: 1 },
  ]);
  await harness.close();
});
