import { describe, expect, test } from 'vitest';

import {
  BrokerHarness,
  subscriptionName,
  type HarnessOptions,
} from '../../../test/support/broker-harness.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { silentLogger, type Logger } from '../../runtime/index.ts';
import { decodeRow, encodeRow, type SubscriptionRow } from '../catalog/catalog-rows.ts';
import type { Subscription } from '../index.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const ttlMs = 10 * dayMs;

interface Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;
}

async function open(
  more: Partial<Subscription> = {},
  options: HarnessOptions = {},
): Promise<Bench> {
  const harness = await BrokerHarness.open(options);
  const topic = await harness.createTopic('orders');
  const settings = { expirationTtlMs: ttlMs, messageRetentionMs: dayMs, ...more };
  const subscription = await harness.createSubscription('billing', topic, settings);
  // Longer than a broker waits, after its start, for those who come back.
  await harness.clock.advance(hourMs);
  return { harness, topic, subscription };
}

/** Lets time pass at once, and sweeps. */
async function pass(harness: BrokerHarness, ms: number): Promise<void> {
  harness.clock.stepWall(ms);
  await harness.until(harness.broker.sweep());
}

const isThere = async ({ harness, subscription }: Bench): Promise<boolean> =>
  await harness.broker.getSubscription(subscription).then(
    () => true,
    () => false,
  );

describe('a subscription that nobody uses', () => {
  test('is deleted when its policy says, which the log tells by the name of the audit log', async () => {
    const lines: [unknown, string][] = [];
    const log: Logger = { ...silentLogger, info: (...line) => void lines.push(line) };
    const recorder = new EventRecorder();
    const bench = await open({}, { log, observer: recorder.observer });
    const { harness, subscription } = bench;
    await pass(harness, ttlMs - hourMs);
    expect(await isThere(bench)).toBe(true);
    recorder.take();
    lines.length = 0;
    await pass(harness, 1);
    expect(await isThere(bench)).toBe(false);
    expect(recorder.take('subscriptionDeleted', 'subscriptionConfig')).toEqual([
      ['subscriptionDeleted', subscription],
    ]);
    expect(lines).toEqual([
      [
        { subscription },
        'google.pubsub.v1.Subscriber.InternalExpireInactiveSubscription: nobody used it any more',
      ],
    ]);
    await harness.restart();
    expect(await isThere(bench)).toBe(false);
    await harness.close();
  });

  test('expires on the clock, without a sweep that anybody asks for', async () => {
    const bench = await open({ expirationTtlMs: 2 * hourMs });
    await bench.harness.clock.advance(hourMs - 20_000);
    expect(await isThere(bench)).toBe(true);
    await bench.harness.clock.advance(40_000);
    expect(await isThere(bench)).toBe(false);
    await bench.harness.close();
  });

  test('stays for ever with a policy that has no time', async () => {
    const harness = await BrokerHarness.open();
    const subscription = await harness.createSubscription('s', await harness.createTopic('orders'));
    await harness.clock.advance(hourMs);
    await pass(harness, 400 * dayMs);
    expect(await harness.broker.getSubscription(subscription)).not.toHaveProperty(
      'expirationTtlMs',
    );
    await harness.close();
  });

  test('expires when it is detached too', async () => {
    const bench = await open();
    const { harness, subscription } = bench;
    await harness.until(harness.broker.detachSubscription(subscription));
    await pass(harness, ttlMs);
    expect(await isThere(bench)).toBe(true);
    await pass(harness, 1);
    expect(await isThere(bench)).toBe(false);
    await harness.close();
  });

  test('is not used by those who read its properties', async () => {
    const bench = await open();
    for (let day = 0; day < 10; day++) {
      expect(await isThere(bench)).toBe(true);
      await pass(bench.harness, dayMs);
    }
    expect(await isThere(bench)).toBe(false);
    await bench.harness.close();
  });
});

const uses: [string, (bench: Bench) => Promise<unknown>][] = [
  ['a Pull', ({ harness, subscription }) => harness.pull(subscription)],
  [
    'an acknowledgement',
    async ({ harness, topic, subscription }) => {
      await harness.publish(topic, 'a');
      const [received] = await harness.pull(subscription);
      harness.clock.stepWall(1);
      await harness.acknowledge(subscription, [received!.ackId]);
    },
  ],
  [
    'a changed deadline',
    ({ harness, subscription }) =>
      harness.until(harness.broker.modifyAckDeadline(subscription, [], 10)),
  ],
  [
    'an acknowledgement on a stream',
    async ({ harness, subscription }) => harness.broker.streamAcknowledge(subscription, ['x']),
  ],
  [
    'a stream that was open for a moment',
    async ({ harness, subscription }) => {
      (await harness.openStream(subscription)).stream.close();
    },
  ],
  [
    'a seek',
    ({ harness, subscription }) => harness.until(harness.broker.seek(subscription, { timeMs: 0 })),
  ],
  ['a snapshot of it', ({ harness, subscription }) => harness.createSnapshot('snap', subscription)],
  [
    'a change of its properties',
    async ({ harness, subscription }) => {
      const same = <Resource>(stored: Resource): Resource => stored;
      await harness.until(harness.broker.updateSubscription(subscription, same, ['labels']));
    },
  ],
];

test.each(uses)('%s is a use: the time begins anew', async (_, use) => {
  const bench = await open();
  const { harness } = bench;
  await pass(harness, ttlMs - 2 * hourMs);
  await use(bench);
  await pass(harness, ttlMs);
  expect(await isThere(bench)).toBe(true);
  await pass(harness, 1_000);
  expect(await isThere(bench)).toBe(false);
  await harness.close();
});

test('while a stream is open it does not expire, and the time begins when it closes', async () => {
  const bench = await open();
  const { harness, subscription } = bench;
  const stream = await harness.openStream(subscription);
  await pass(harness, 100 * dayMs);
  expect(await isThere(bench)).toBe(true);
  expect(stream.failure).toBeNull();
  stream.stream.close();
  await pass(harness, ttlMs);
  expect(await isThere(bench)).toBe(true);
  await pass(harness, 1);
  expect(await isThere(bench)).toBe(false);
  await harness.close();
});

test.each([
  ['that succeed are uses', 'ack', true],
  ['that fail are none', 'remote_server_5xx', false],
] as const)('pushes %s', async (_, responseClass, isUse) => {
  const pushConfig = { endpoint: 'http://localhost:1/', attributes: {} };
  const pushSender = { send: async () => ({ responseClass, code: '', text: '' }) };
  const bench = await open({ pushConfig }, { pushSender });
  const { harness, topic } = bench;
  await pass(harness, ttlMs - 2 * hourMs);
  await harness.publish(topic, 'a');
  await harness.clock.advance(1_000);
  await harness.until(harness.broker.sweep());
  await pass(harness, 2 * hourMs);
  expect(await isThere(bench)).toBe(isUse);
  await harness.close();
});

describe('a restart', () => {
  test('does not make an unused subscription young again', async () => {
    const bench = await open();
    const { harness } = bench;
    await pass(harness, ttlMs - hourMs);
    await harness.restart();
    await harness.clock.advance(hourMs);
    // What is stored of its use may be a step behind.
    await pass(harness, ttlMs / 100);
    expect(await isThere(bench)).toBe(false);
    await harness.close();
  });

  test('does not forget that one was used', async () => {
    const bench = await open();
    const { harness, subscription } = bench;
    await pass(harness, ttlMs - 2 * hourMs);
    await harness.pull(subscription);
    await pass(harness, 0);
    await harness.restart();
    await harness.clock.advance(hourMs);
    await pass(harness, ttlMs - hourMs);
    expect(await isThere(bench)).toBe(true);
    await harness.close();
  });

  test('leaves those who were cut off the time to come back', async () => {
    const bench = await open();
    const { harness, subscription } = bench;
    harness.clock.stepWall(100 * dayMs);
    await harness.restart();
    await harness.until(harness.broker.sweep());
    await harness.pull(subscription);
    await harness.clock.advance(hourMs);
    expect(await isThere(bench)).toBe(true);
    await harness.close();
  });
});

test('one that was created before its use was kept expires all the same, over restarts', async () => {
  const bench = await open();
  const { harness, subscription } = bench;
  const row = await harness.meta.get(`subscription/${subscription}`);
  const { key, version } = row!;
  const { lastActiveMs: _, ...older } = decodeRow(row!.value) as SubscriptionRow;
  const puts = [{ key, value: encodeRow(older) }];
  expect(await harness.until(harness.meta.txn([{ key, version }], puts))).toBe(true);
  for (let life = 0; life < 3; life++) {
    await harness.restart();
    await harness.clock.advance(hourMs);
    expect(await isThere(bench)).toBe(true);
    await pass(harness, 3 * dayMs);
  }
  await pass(harness, 2 * dayMs);
  expect(await isThere(bench)).toBe(false);
  await harness.close();
});

test('the use of a subscription is stored now and then, not each time', async () => {
  let writeCount = 0;
  const { harness, subscription } = await open(
    {},
    {
      wrapStore: (store) => {
        const txn = store.meta.txn.bind(store.meta);
        store.meta.txn = async (checks, puts) => {
          writeCount++;
          return await txn(checks, puts);
        };
        return store;
      },
    },
  );
  writeCount = 0;
  for (let hour = 0; hour < 48; hour++) {
    await harness.pull(subscription);
    await pass(harness, hourMs);
  }
  // Of ten days a hundredth are 2.4 hours: each third hour.
  expect(writeCount).toBe(16);
  await harness.close();
});

test('an expiry that the disk refuses comes again', async () => {
  const bench = await open();
  const { harness } = bench;
  harness.faults.next('full');
  await pass(harness, ttlMs);
  expect(await isThere(bench)).toBe(true);
  await harness.clock.advance(10_000);
  expect(await isThere(bench)).toBe(false);
  await expect(harness.pull(subscriptionName('billing'))).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await harness.close();
});
