import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { segmentKinds } from '../../storage/index.ts';
import type { MemoryStore, Segment, Store } from '../../storage/index.ts';
import { sealableMessage } from '../index.ts';

/** A store whose segments come back changed, while `change` is set. */
class LyingStore {
  change: ((segment: Segment) => Segment) | null = null;
  /** Segments that are left out. */
  isLost: (segment: Segment) => boolean = () => false;
  readCount = 0;

  wrap(disk: MemoryStore): Store {
    return new Proxy<Store>(disk, {
      get: (store, name) => {
        if (name === 'read') return this.#read.bind(this, store);
        const value: unknown = Reflect.get(store, name);
        return typeof value === 'function' ? (value.bind(store) as unknown) : value;
      },
    });
  }

  async #read(store: Store, ...args: Parameters<Store['read']>): Promise<Segment[]> {
    this.readCount++;
    const segments = (await store.read(...args)).filter((each) => !this.isLost(each));
    return this.change === null ? segments : segments.map(this.change);
  }
}

interface Bench {
  readonly store: LyingStore;
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly red: string;
}

async function opened(): Promise<Bench> {
  const store = new LyingStore();
  const harness = await BrokerHarness.open({ wrapStore: (disk) => store.wrap(disk) });
  const topic = await harness.createTopic('colours');
  const red = await harness.createSubscription('red', topic, {
    filter: 'attributes.colour = "red"',
  });
  return { store, harness, topic, red };
}

async function publish(bench: Bench, colour: string, data: Buffer | string): Promise<void> {
  const attributes = [['colour', colour]] as const;
  const message = sealableMessage({ data: Buffer.from(data), attributes, orderingKey: '' });
  await bench.harness.until(bench.harness.broker.publish(bench.topic, [message]));
}

/** A crash: then all that is known is what is stored. */
async function restart({ harness }: Bench): Promise<void> {
  await harness.clock.advance(2_000);
  await harness.restart();
}

async function sweep({ harness }: Bench): Promise<void> {
  await harness.until(harness.broker.sweep());
}

async function unacked({ harness, red }: Bench): Promise<number> {
  const [report] = await harness.until(harness.broker.backlogs());
  expect(report!.subscription).toBe(red);
  return report!.unackedCount;
}

/** Header, one size, number of slots and one slot id come before the bits. */
const bitsAt = 8 + 4 + 2 + 4;

test('bits that were changed on the disk pass nothing over, and nothing is delivered by them', async () => {
  const bench = await opened();
  const { store, harness, red } = bench;
  // Not caught up, so that nothing is passed over as it is published.
  await publish(bench, 'red', 'first');
  await publish(bench, 'red', 'second');
  await restart(bench);
  store.change = (segment) => {
    const body = segment.body.slice();
    body[bitsAt]! ^= 1;
    return { ...segment, body };
  };
  await sweep(bench);
  expect(await unacked(bench)).toBe(2);
  await expect(harness.pull(red)).rejects.toMatchObject({ code: 'DATA_LOSS' });
  store.change = null;
  await restart(bench);
  await sweep(bench);
  expect((await harness.pull(red)).map(({ text }) => text)).toEqual(['first', 'second']);
  await harness.close();
});

test('a sweep reads a few megabytes of a topic, and the next one goes on from there', async () => {
  const bench = await opened();
  await publish(bench, 'red', 'first');
  for (let i = 0; i < 24; i++) await publish(bench, 'blue', Buffer.alloc(400_000, i));
  await restart(bench);
  expect(await unacked(bench)).toBe(25);
  await sweep(bench);
  expect(await unacked(bench), 'not known yet').toBe(25);
  for (let i = 0; i < 3; i++) await sweep(bench);
  expect(await unacked(bench)).toBe(1);
  await bench.harness.close();
});

test('what was found is not looked for again until something changes', async () => {
  const bench = await opened();
  const { store, harness, red } = bench;
  for (const colour of ['blue', 'red', 'blue', 'red', 'blue']) await publish(bench, colour, 'x');
  await restart(bench);
  await sweep(bench);
  expect(await unacked(bench)).toBe(2);
  store.readCount = 0;
  await sweep(bench);
  await publish(bench, 'blue', 'y');
  await sweep(bench);
  expect(store.readCount).toBe(0);
  const received = await harness.pull(red);
  expect(received).toHaveLength(2);
  await harness.acknowledge(
    red,
    received.map(({ ackId }) => ackId),
  );
  await publish(bench, 'blue', 'z');
  await sweep(bench);
  expect(await unacked(bench)).toBe(0);
  await harness.close();
});

test('a subscription that somebody reads is left to its reader', async () => {
  const bench = await opened();
  const { store, harness, red } = bench;
  for (let i = 0; i < 3; i++) await publish(bench, 'blue', `x${i}`);
  await publish(bench, 'red', 'last');
  await restart(bench);
  const probe = await harness.openStream(red, { outstandingMessagesMax: 1 });
  await harness.clock.settle();
  expect(probe.take().map(({ text }) => text)).toEqual(['last']);
  store.readCount = 0;
  await sweep(bench);
  expect(store.readCount).toBe(0);
  expect(await unacked(bench)).toBe(1);
  probe.stream.close();
  await harness.close();
});

test('a key service that does not answer holds up no retention', async () => {
  let isSilent = false;
  const harness = await BrokerHarness.open({
    wrapKeys: (keys) =>
      new Proxy(keys, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (isSilent && name === 'decrypt') return () => new Promise(() => undefined);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  });
  for (const id of ['one', 'two', 'three']) {
    const topic = await harness.createTopic(id);
    await harness.createSubscription(`red-of-${id}`, topic, { filter: 'NOT attributes:blue' });
    await harness.createSubscription(`all-of-${id}`, topic, { messageRetentionMs: 600_000 });
    await harness.publish(topic, id, id);
  }
  await harness.clock.advance(595_000);
  await harness.restart();
  isSilent = true;
  await harness.clock.advance(6_000);
  const beganMs = harness.clock.monotonicMs();
  await harness.until(harness.broker.sweep());
  expect(harness.clock.monotonicMs() - beganMs).toBeLessThanOrEqual(2_000);
  const reports = await harness.until(harness.broker.backlogs());
  const kept = reports.filter(({ subscription }) => subscription.includes('all-of'));
  expect(kept.map(({ unackedCount }) => unackedCount)).toEqual([0, 0, 0]);
  isSilent = false;
  await harness.close();
});

test('a key that comes back unsaid is found again by a sweep', async () => {
  let decryptCount = 0;
  let isAway = false;
  const harness = await BrokerHarness.open({
    wrapKeys: (keys) =>
      new Proxy(keys, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name === 'decrypt') decryptCount++;
          if (isAway && name === 'decrypt') return async () => Promise.reject(new Error('away'));
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  });
  const topic = await harness.createTopic('colours');
  await harness.createSubscription('red', topic, { filter: 'NOT attributes:blue' });
  await harness.publish(topic, 'x');
  await harness.restart();
  isAway = true;
  await harness.clock.advance(600_000);
  isAway = false;
  await harness.clock.advance(120_000);
  decryptCount = 0;
  await harness.clock.advance(600_000);
  expect(decryptCount, 'nothing is left to be found out').toBe(0);
  await harness.close();
});

test.each([0, 1])('what the store has lost is not passed over (segment %i)', async (lost) => {
  const bench = await opened();
  const colours = ['blue', 'blue', 'blue'].with(lost, 'red');
  for (const colour of colours) await publish(bench, colour, 'x');
  // Nobody has noted what was passed over when the crash comes.
  await bench.harness.restart();
  bench.store.isLost = ({ kind, base }) => kind === segmentKinds.messages && base === lost;
  await sweep(bench);
  expect(await unacked(bench)).toBeGreaterThanOrEqual(3 - lost);
  bench.store.isLost = () => false;
  await sweep(bench);
  expect(await unacked(bench)).toBe(1);
  expect(await bench.harness.consume(bench.red)).toEqual(['x']);
  await bench.harness.close();
});

test('subscriptions of one topic share what is read', async () => {
  const bench = await opened();
  const { store, harness, topic } = bench;
  for (let i = 0; i < 20; i++) {
    await harness.createSubscription(`s${i}`, topic, { filter: `attributes:a${i}` });
  }
  for (let i = 0; i < 8; i++) await publish(bench, 'blue', Buffer.alloc(200_000, i));
  await restart(bench);
  store.readCount = 0;
  await sweep(bench);
  expect(store.readCount).toBeLessThanOrEqual(8);
  const reports = await harness.until(harness.broker.backlogs());
  expect(reports.map(({ unackedCount }) => unackedCount)).toEqual(Array(21).fill(0));
  await harness.close();
});
