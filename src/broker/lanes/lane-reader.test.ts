import { expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { segmentKinds, type LogId, type MemoryStore, type Store } from '../../storage/index.ts';
import type { Topic } from '../service.ts';

test('messages under an earlier key that is disabled end the stream, and nothing else', async () => {
  const harness = await BrokerHarness.open();
  const earlier = await harness.createKey();
  const later = await harness.createKey();
  const topic = await harness.createTopic('orders', { kmsKeyName: earlier.name });
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'old');
  const rekeyed = (stored: Topic): Topic => ({ ...stored, kmsKeyName: later.name });
  await harness.until(harness.broker.updateTopic(topic, rekeyed, ['kms_key_name']));
  await harness.publish(topic, 'new');
  // Both segments are at hand now; then nobody asks until their DEKs have left memory.
  expect(await harness.pull(subscription)).toHaveLength(2);
  await harness.clock.advance(20 * 60_000);
  await harness.setKeyEnabled(earlier.version, false);
  const rejected: unknown[] = [];
  const note = (reason: unknown): void => void rejected.push(reason);
  process.on('unhandledRejection', note);
  const probe = await harness.openStream(subscription);
  await harness.clock.advance(5_000);
  expect(probe.failure).toMatchObject({ code: 'FAILED_PRECONDITION' });
  expect(probe.received).toEqual([]);
  await expect(harness.pull(subscription)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  process.off('unhandledRejection', note);
  expect(rejected).toEqual([]);
  await harness.setKeyEnabled(earlier.version, true);
  const texts = (await harness.pull(subscription)).map(({ text }) => text);
  expect(texts).toEqual(['old', 'new']);
  await harness.close();
});

test('a message below the tail that the store does not have ends in DATA_LOSS, not in a loop', async () => {
  let isLost = false;
  const harness = await BrokerHarness.open({
    wrapStore: (store) => {
      const read = store.read.bind(store);
      store.read = async (...place) => (isLost ? [] : await read(...place));
      return store;
    },
  });
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one');
  isLost = true;
  await expect(harness.pull(subscription)).rejects.toMatchObject({ reason: 'SEGMENT_MISSING' });
  isLost = false;
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['one']);
  await harness.close();
});

/** A disk that has lost messages from `from` up to `end`, and answers as if they had never been. */
class LossyDisk {
  from = Infinity;
  end = Infinity;
  readCount = 0;
  readonly #logs = new Set<LogId>();

  wrap(disk: MemoryStore): Store {
    const commit = disk.commit.bind(disk);
    const read = disk.read.bind(disk);
    const tails = disk.tails.bind(disk);
    return Object.assign(disk, {
      commit: async (...[ops]: Parameters<Store['commit']>) => {
        for (const { kind, log } of ops) if (kind === segmentKinds.messages) this.#logs.add(log);
        return await commit(ops);
      },
      read: async (...[log, ...place]: Parameters<Store['read']>) => {
        const segments = await read(log, ...place);
        if (!this.#logs.has(log)) return segments;
        if (++this.readCount > 1_000) throw new Error('messages are read in an endless loop');
        return segments.filter(({ base }) => base < this.from || base >= this.end);
      },
      tails: async (...[logs]: Parameters<Store['tails']>) =>
        (await tails(logs)).map((tail, i) => {
          const isCut = this.#logs.has(logs[i]!) && this.end === Infinity;
          return isCut ? { ...tail, next: Math.min(tail.next, this.from) } : tail;
        }),
    });
  }
}

const missing = { code: 'DATA_LOSS', reason: 'SEGMENT_MISSING' };

async function robbed(disk: LossyDisk): Promise<{
  readonly harness: BrokerHarness;
  readonly subscription: string;
  readonly received: readonly Received[];
}> {
  const harness = await BrokerHarness.open({ wrapStore: (store) => disk.wrap(store) });
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  for (const text of ['one', 'two', 'three']) await harness.publish(topic, text);
  const received = await harness.pull(subscription);
  return { harness, subscription, received };
}

test('messages that the store has lost between others are missed, not passed over', async () => {
  const disk = new LossyDisk();
  const { harness, subscription } = await robbed(disk);
  Object.assign(disk, { from: 1, end: 2 });
  await harness.restart();
  expect((await harness.pull(subscription, 1)).map(({ text }) => text)).toEqual(['one']);
  await expect(harness.pull(subscription)).rejects.toMatchObject(missing);
  expect(disk.readCount).toBeLessThan(20);
  await harness.close();
});

test('messages that the store has lost with its tail are missed, and not looked for in a loop', async () => {
  const disk = new LossyDisk();
  const { harness, subscription, received } = await robbed(disk);
  await harness.acknowledge(subscription, [received[2]!.ackId]);
  disk.from = 1;
  await harness.restart();
  expect((await harness.pull(subscription, 1)).map(({ text }) => text)).toEqual(['one']);
  await expect(harness.pull(subscription)).rejects.toMatchObject(missing);
  expect(disk.readCount).toBeLessThan(20);
  await harness.close();
});

test('many subscriptions that start at once get all, though their segments push each other off the shelf', async () => {
  const harness = await BrokerHarness.open();
  const subscriptions: string[] = [];
  for (let i = 0; i < 100; i++) {
    const topic = await harness.createTopic(`topic${i}`);
    subscriptions.push(await harness.createSubscription(`subscription${i}`, topic));
    await harness.publish(topic, 'x'.repeat(400_000));
    await harness.publish(topic, 'y'.repeat(400_000));
  }
  const probes = await Promise.all(subscriptions.map((name) => harness.openStream(name)));
  await harness.clock.settle(400);
  expect(probes.map(({ failure }) => failure).filter((failure) => failure !== null)).toEqual([]);
  expect(probes.map(({ received }) => received.length)).toEqual(Array(100).fill(2));
  await harness.close();
});

test('opened bytes are gone when their DEK dies of idleness, and so is their place in the cache', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'x'.repeat(10_000));
  expect(await harness.pull(subscription)).toHaveLength(1);
  expect(harness.broker.openedBytes).toBeGreaterThan(10_000);
  await harness.clock.advance(20 * 60_000);
  expect(harness.broker.openedBytes).toBe(0);
  await harness.close();
});

test('a segment at hand whose DEK went with a trim is missing, not damaged', async () => {
  let isBehind = false;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const tails = disk.tails.bind(disk);
      const locate = disk.locate.bind(disk);
      // What a seek that overlaps the sweep was told before it.
      disk.tails = async (logs) =>
        (await tails(logs)).map((tail) => (isBehind ? { ...tail, trim: 0 } : tail));
      disk.locate = async (...place) => (isBehind ? 0 : await locate(...place));
      return disk;
    },
  });
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, {
    retainAckedMessages: true,
    messageRetentionMs: 8 * 3_600_000,
  });
  await harness.publish(topic, 'old');
  await harness.clock.advance(7 * 3_600_000);
  await harness.publish(topic, 'new');
  expect(await harness.consume(subscription)).toEqual(['old', 'new']);
  await harness.clock.advance(2 * 3_600_000);
  expect(await harness.keyRows.list('dek/')).toHaveLength(1);
  isBehind = true;
  await harness.until(harness.broker.seek(subscription, { timeMs: 0 }));
  isBehind = false;
  expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['new']);
  await harness.close();
});
