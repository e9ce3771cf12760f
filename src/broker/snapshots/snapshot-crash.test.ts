import { describe, expect, test } from 'vitest';

import {
  project,
  snapshotName,
  type HarnessOptions,
} from '../../../test/support/broker-harness.ts';
import {
  ack,
  kept,
  openSnapshotBench,
  replay,
  type SnapshotBench,
} from '../../../test/support/snapshot-bench.ts';
import type { MemoryStore, Store } from '../../storage/index.ts';

const open = async (options: HarnessOptions = {}, ...texts: string[]): Promise<SnapshotBench> =>
  await openSnapshotBench(options, {}, texts);

/** A disk that calls `before` ahead of each write of a log or of rows. */
const watched = (store: MemoryStore, before: () => void): Store => {
  const telling = <Target extends object>(target: Target, write: string): Target =>
    new Proxy(target, {
      get: (_, name): unknown => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'meta') return telling(store.meta, 'txn');
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (name === write) before();
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  return telling(store, 'commit');
};

describe('a creation that fails', () => {
  const faults = ['full', 'io', 'unknown-lost', 'unknown-landed', 'conflict'] as const;
  const writes = ['the reserved log', 'the set', 'the row'];
  const cases = faults.flatMap((fault) => writes.map((write, at) => [fault, write, at] as const));

  test.each(cases)(
    'by %s at %s is whole or nothing, and comes off when tried again',
    async (fault, _, at) => {
      let writesLeft = Infinity;
      const onWrite = (): void => {
        if (writesLeft-- === 0) bench.harness.faults.next(fault);
      };
      const bench = await open({ wrapStore: (store) => watched(store, onWrite) }, 'a', 'b', 'c');
      const { harness, subscription } = bench;
      await ack(bench, 'b');
      const name = snapshotName('before');
      const isThen = async (task: Promise<unknown>): Promise<boolean> =>
        await harness.until(task.then(() => true).catch(() => false));
      const create = async (): Promise<boolean> =>
        await isThen(harness.broker.createSnapshot({ name, subscription, labels: {} }));
      const { segmentCount } = harness.disk.stats();
      writesLeft = at;
      const isMade = await create();
      // What is known to have failed leaves no log behind, not even until the next start.
      if (fault === 'full' || fault === 'io') {
        expect([isMade, harness.disk.stats().segmentCount]).toEqual([false, segmentCount]);
      }
      expect(writesLeft).toBeLessThan(0);
      expect(await isThen(harness.broker.getSnapshot(name))).toBe(isMade);
      for (let tries = 0; !isMade && tries < 3 && !(await create()); tries++);
      await harness.consume(subscription);
      await kept(bench);
      await harness.restart();
      expect(await replay(bench, name)).toEqual(['a', 'c']);
      await harness.until(harness.broker.deleteSnapshot(name));
      await harness.until(harness.broker.deleteSubscription(subscription));
      await harness.until(harness.broker.deleteTopic(bench.topic));
      await harness.restart();
      expect(harness.disk.stats().segmentCount).toBe(0);
      await harness.close();
    },
  );
});

test('a crash at any point of a creation leaves the snapshot whole, or nothing of it', async () => {
  let wholeCount = 0;
  const turnsMax = 30;
  for (let turns = 0; turns < turnsMax; turns++) {
    const bench = await open({ seed: turns }, 'a', 'b', 'c');
    const { harness, subscription } = bench;
    await ack(bench, 'b');
    const name = snapshotName('before');
    void harness.broker.createSnapshot({ name, subscription, labels: {} }).catch(() => undefined);
    await harness.clock.settle(turns);
    await harness.restart();
    const page = { pageSize: 0, pageToken: '' };
    const { items } = await harness.broker.listSnapshots(project, page);
    if (items.length > 0) {
      wholeCount++;
      await harness.consume(subscription);
      expect(await replay(bench, name)).toEqual(['a', 'c']);
      await harness.until(harness.broker.deleteSnapshot(name));
    }
    await harness.until(harness.broker.deleteSubscription(subscription));
    await harness.until(harness.broker.deleteTopic(bench.topic));
    expect(harness.disk.stats().segmentCount).toBe(0);
    await harness.close();
  }
  expect(wholeCount).toBeGreaterThan(0);
  expect(wholeCount).toBeLessThan(turnsMax);
});

test('a sweep during a creation does not take what the snapshot is to keep', async () => {
  for (let turns = 0; turns < 20; turns++) {
    const bench = await open({}, 'a', 'b', 'c');
    const { harness, subscription } = bench;
    const received = await harness.pull(subscription);
    const name = snapshotName('before');
    const creating = harness.broker.createSnapshot({ name, subscription, labels: {} });
    await harness.clock.settle(turns);
    const acking = harness.broker.acknowledge(
      subscription,
      received.map(({ ackId }) => ackId),
    );
    const sweeping = harness.broker.sweep();
    await harness.until(Promise.all([creating, acking, sweeping]));
    await kept(bench);
    // Nothing comes out of a cache that is not on the disk any more.
    await harness.restart();
    const texts = await replay(bench, name);
    // Either is right, whichever came first: a part of them, or one that cannot be read, is not.
    expect([[], ['a', 'b', 'c']]).toContainEqual(texts);
    await harness.close();
  }
});

test('a sweep beside a seek does not take what the seek brought back', async () => {
  for (let turns = 0; turns < 20; turns++) {
    const bench = await open({}, 'a', 'b', 'c');
    const { harness, subscription } = bench;
    const snapshot = await harness.createSnapshot('before', subscription);
    await harness.consume(subscription);
    const sweeping = harness.broker.sweep();
    await harness.clock.settle(turns);
    const seeking = harness.broker.seek(subscription, { snapshot });
    // The backlog is now the only one that needs them.
    const deleting = harness.broker.deleteSnapshot(snapshot);
    await harness.until(Promise.all([sweeping, seeking, deleting]));
    await kept(bench);
    await harness.restart();
    expect(await harness.consume(subscription)).toEqual(['a', 'b', 'c']);
    await harness.close();
  }
});
