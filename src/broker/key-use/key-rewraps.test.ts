import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import type { RewrapProgress } from './rewrap-progress.ts';

const hourMs = 3_600_000;
const keyName = 'projects/sim-project/locations/global/keyRings/r/cryptoKeys/k';
const versionOf = (version: number, key: string = keyName): string =>
  `${key}/cryptoKeyVersions/${version}`;

interface Bench {
  readonly harness: BrokerHarness;
  readonly keys: ScriptedKeyService;
  readonly topics: readonly string[];
  readonly subscriptions: readonly string[];
  /** What every subscription is to get, in the order of the publishes. */
  readonly published: string[];
}

/** Topics under one key with several DEKs each, all of them under version 1; 2 is primary. */
async function openBench(topicCount: number = 2, dekCount: number = 3): Promise<Bench> {
  const keys = new ScriptedKeyService();
  const harness = await BrokerHarness.open({ wrapKeys: () => keys });
  const published: string[] = [];
  const topics: string[] = [];
  const subscriptions: string[] = [];
  for (let i = 0; i < topicCount; i++) {
    const topic = await harness.createTopic(`t${i}`, { kmsKeyName: keyName });
    topics.push(topic);
    subscriptions.push(await harness.createSubscription(`s${i}`, topic));
  }
  for (let i = 0; i < dekCount; i++) {
    if (i > 0) await harness.clock.advance(7 * hourMs);
    for (const topic of topics) await harness.publish(topic, `m${i}`);
    published.push(`m${i}`);
  }
  keys.rotate(keyName);
  await harness.clock.settle();
  return { harness, keys, topics, subscriptions, published };
}

async function ended(harness: BrokerHarness, name: string = keyName): Promise<RewrapProgress> {
  for (let turn = 0; turn < 400; turn++) {
    const progress = harness.broker.rewrapProgress(name);
    if (progress.state === 'done' || progress.state === 'failed') return progress;
    await harness.clock.advance(1_000);
    await harness.clock.settle();
  }
  throw new Error('the rewrap does not end');
}

async function kekVersions({ broker }: BrokerHarness, name: string): Promise<string[]> {
  return (await broker.keyUse(name)).map((use) => use.name);
}

test('every row moves to the primary version, and no message is touched', async () => {
  const { harness, keys, topics, subscriptions, published } = await openBench();
  const { diskBytes } = harness.disk.stats();
  await harness.until(harness.broker.startRewrap(keyName));
  const progress = await ended(harness);
  expect(progress).toMatchObject({ state: 'done', total: 6, done: 6, moved: 6, refused: 0 });
  expect(progress.topics).toEqual(topics.map((topic) => ({ topic, total: 3, done: 3 })));
  expect(harness.disk.stats().diskBytes).toBe(diskBytes);
  expect(await kekVersions(harness, keyName)).toEqual([versionOf(2)]);
  // The old version is not needed any more, by nobody.
  keys.setEnabled(keyName, false, 1);
  await harness.clock.advance(hourMs);
  for (const subscription of subscriptions) {
    expect(await harness.consume(subscription)).toEqual(published);
  }
  await harness.close();
});

test('started again, it finds nothing to do', async () => {
  const { harness, keys } = await openBench();
  await harness.until(harness.broker.startRewrap(keyName));
  await ended(harness);
  const before = keys.count('encrypt');
  await harness.until(harness.broker.startRewrap(keyName));
  expect(await ended(harness)).toMatchObject({ moved: 0 });
  // One call asks which version is primary.
  expect(keys.count('encrypt') - before).toBe(1);
  await harness.close();
});

test('ordered twice at once, it runs once', async () => {
  const { harness, keys } = await openBench();
  const before = keys.count('encrypt');
  const orders = [harness.broker.startRewrap(keyName), harness.broker.startRewrap(keyName)];
  await harness.until(Promise.all(orders));
  expect(await ended(harness)).toMatchObject({ moved: 6 });
  await harness.clock.advance(60_000);
  expect(keys.count('encrypt') - before).toBe(6);
  await harness.close();
});

test('one version alone is moved, or to another key', async () => {
  const { harness, keys, topics, subscriptions, published } = await openBench(1, 2);
  await harness.publish(topics[0]!, 'under 2');
  keys.rotate(keyName);
  await harness.until(harness.broker.startRewrap(keyName, { from: versionOf(1) }));
  await ended(harness);
  expect(await kekVersions(harness, keyName)).toEqual([versionOf(2), versionOf(3)]);
  const other = `${keyName}-too`;
  await harness.until(harness.broker.startRewrap(keyName, { to: other }));
  expect(await ended(harness)).toMatchObject({ state: 'done', refused: 0 });
  expect(await kekVersions(harness, keyName)).toEqual([]);
  expect(await kekVersions(harness, other)).toEqual([versionOf(1, other)]);
  // The topic still seals under its own key's third version.
  keys.setEnabled(keyName, false, 1);
  keys.setEnabled(keyName, false, 2);
  const texts = await harness.consume(subscriptions[0]!);
  expect(texts).toEqual([...published, 'under 2']);
  await harness.close();
});

test('after a crash the next life goes on where it was', async () => {
  const { harness, keys } = await openBench(3, 4);
  const before = keys.count('encrypt');
  await harness.until(harness.broker.startRewrap(keyName));
  await harness.clock.advance(100);
  await harness.clock.settle();
  const { done } = harness.broker.rewrapProgress(keyName);
  expect(done).toBeGreaterThan(1);
  expect(done).toBeLessThan(12);
  await harness.restart();
  expect(await ended(harness)).toMatchObject({ state: 'done' });
  expect(await kekVersions(harness, keyName)).toEqual([versionOf(2)]);
  // Each once, the one that the crash may have cut off, and one that asks for the primary version.
  expect(keys.count('encrypt') - before).toBeLessThanOrEqual(12 + 2);
  await harness.restart();
  expect(() => harness.broker.rewrapProgress(keyName)).toThrow('No rewrap');
  await harness.close();
});

test('what is refused stays as it was and is counted, with the words of the key service', async () => {
  const { harness, keys, subscriptions, published } = await openBench(1, 3);
  await harness.until(harness.broker.startRewrap(keyName));
  await harness.clock.advance(30);
  await harness.clock.settle();
  keys.setEnabled(keyName, false, 1);
  const progress = await ended(harness);
  expect(progress.refused).toBeGreaterThan(0);
  expect(progress.moved + progress.refused).toBe(3);
  expect(progress.error?.message).toContain(`${versionOf(1)} is not enabled`);
  keys.setEnabled(keyName, true, 1);
  await harness.until(harness.broker.startRewrap(keyName));
  expect(await ended(harness)).toMatchObject({ refused: 0, error: null });
  expect(await harness.consume(subscriptions[0]!)).toEqual(published);
  await harness.close();
});

test('while the key service is away it waits, and says so', async () => {
  const { harness, keys } = await openBench(1, 2);
  keys.fail('UNAVAILABLE');
  await harness.until(harness.broker.startRewrap(keyName));
  await harness.clock.advance(20_000);
  expect(harness.broker.rewrapProgress(keyName)).toMatchObject({
    state: 'waiting',
    error: { reason: 'KMS_UNREACHABLE' },
  });
  keys.failure = { encrypt: null, decrypt: null };
  expect(await ended(harness)).toMatchObject({ state: 'done', moved: 2, error: null });
  await harness.close();
});

test('a version of another key is refused', async () => {
  const { harness } = await openBench(1, 1);
  const start = harness.broker.startRewrap(keyName, { from: versionOf(1, `${keyName}-too`) });
  await expect(start).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await harness.close();
});

const disturbance = fc.constantFrom(
  'publish',
  'open',
  'rotate',
  'disable the first',
  'enable all',
  'delete a topic',
  'crash',
  'sweep',
  'wait',
);

async function disturb(bench: Bench, what: string, count: number): Promise<void> {
  const { harness, keys, topics, subscriptions, published } = bench;
  if (what === 'publish') {
    try {
      await harness.publish(topics[0]!, `more ${count}`);
      published.push(`more ${count}`);
    } catch {
      // Refused while version is disabled.
    }
  } else if (what === 'open') await harness.pull(subscriptions[0]!).catch(() => undefined);
  else if (what === 'rotate') keys.rotate(keyName);
  else if (what === 'disable the first') keys.setEnabled(keyName, false, 1);
  else if (what === 'enable all') keys.setEnabled(keyName, true);
  else if (what === 'delete a topic') {
    await harness.until(harness.broker.deleteTopic(topics[1]!)).catch(() => undefined);
    await harness
      .until(harness.broker.deleteSubscription(subscriptions[1]!))
      .catch(() => undefined);
  } else if (what === 'crash') await harness.restart();
  else if (what === 'sweep') await harness.until(harness.broker.sweep());
  await harness.clock.advance(15);
  await harness.clock.settle();
}

test('whatever happens meanwhile, in the end all rows are at home and every message opens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(disturbance, { minLength: 3, maxLength: 15 }), async (plan) => {
      const bench = await openBench(2, 2);
      const { harness, keys, subscriptions, published } = bench;
      await harness.until(harness.broker.startRewrap(keyName));
      for (const [count, what] of plan.entries()) await disturb(bench, what, count);
      keys.setEnabled(keyName, true);
      await harness.until(harness.broker.startRewrap(keyName));
      await ended(harness);
      await harness.until(harness.broker.startRewrap(keyName));
      await ended(harness);
      expect((await kekVersions(harness, keyName)).length).toBeLessThanOrEqual(1);
      await harness.clock.advance(60_000);
      const texts = new Set(await harness.consume(subscriptions[0]!));
      expect([...texts].toSorted()).toEqual(published.toSorted());
      await harness.close();
    }),
    { numRuns: 25 },
  );
}, 60_000);
