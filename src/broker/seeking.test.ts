import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  BrokerHarness,
  snapshotName,
  subscriptionName,
  type HarnessOptions,
} from '../../test/support/broker-harness.ts';
import { EventRecorder } from '../../test/support/event-recorder.ts';
import { sealableMessage, type Subscription } from './index.ts';
import { soughtState } from './seeking.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

interface Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;
  /** Publish time of each message. */
  readonly times: number[];
}

/** A subscription with the messages 'a' to 'd', a minute apart. */
async function open(
  more: Partial<Subscription> = {},
  options: HarnessOptions = {},
  messageRetentionMs?: number,
): Promise<Bench> {
  const harness = await BrokerHarness.open(options);
  const retention = messageRetentionMs === undefined ? {} : { messageRetentionMs };
  const topic = await harness.createTopic('orders', retention);
  const subscription = await harness.createSubscription('billing', topic, more);
  const times: number[] = [];
  for (const text of ['a', 'b', 'c', 'd']) {
    times.push(harness.clock.wallMs());
    await harness.publish(topic, text);
    await harness.clock.advance(minuteMs);
  }
  return { harness, topic, subscription, times };
}

const retaining = { retainAckedMessages: true, messageRetentionMs: hourMs };

async function seek({ harness, subscription }: Bench, timeMs: number): Promise<void> {
  await harness.until(harness.broker.seek(subscription, { timeMs }));
}

describe('a seek to a time', () => {
  test('acknowledges what was published before, and gives back what was retained after', async () => {
    const bench = await open(retaining);
    const { harness, subscription, times } = bench;
    expect(await harness.consume(subscription, 3)).toEqual(['a', 'b', 'c']);
    await seek(bench, times[1]! + 1);
    expect(await harness.consume(subscription)).toEqual(['c', 'd']);
    await harness.close();
  });

  test('redelivers a message whose publish time equals it, also with a fraction below', async () => {
    const bench = await open(retaining);
    const { harness, subscription, times } = bench;
    await harness.consume(subscription);
    await seek(bench, times[2]!);
    expect(await harness.consume(subscription)).toEqual(['c', 'd']);
    await seek(bench, times[2]! - 0.5);
    expect(await harness.consume(subscription)).toEqual(['c', 'd']);
    // A microsecond later than the message was published.
    await seek(bench, times[2]! + 0.001);
    expect(await harness.consume(subscription)).toEqual(['d']);
    await harness.close();
  });

  test('in the future is a purge of one shot: what is published next comes', async () => {
    const bench = await open();
    const { harness, topic, subscription } = bench;
    await seek(bench, Date.UTC(3000));
    expect(await harness.pull(subscription)).toEqual([]);
    expect((await harness.broker.backlogs())[0]).toMatchObject({ unackedCount: 0 });
    await harness.publish(topic, 'next');
    await harness.restart();
    expect(await harness.consume(subscription)).toEqual(['next']);
    await harness.close();
  });

  test('brings nothing back that was acknowledged, unless that is retained', async () => {
    const bench = await open();
    const { harness, subscription } = bench;
    expect(await harness.consume(subscription, 2)).toEqual(['a', 'b']);
    await seek(bench, 0);
    expect(await harness.consume(subscription)).toEqual(['c', 'd']);
    await harness.close();
  });

  test('before the retention brings back what is within it', async () => {
    const bench = await open({ ...retaining, messageRetentionMs: 10 * minuteMs });
    const { harness, subscription } = bench;
    await harness.consume(subscription);
    // 'a' and 'b' are older than ten minutes now.
    await harness.clock.advance(7.5 * minuteMs);
    await seek(bench, 0);
    expect(await harness.consume(subscription)).toEqual(['c', 'd']);
    await harness.close();
  });

  test('reaches what the topic retains, also from before the subscription was created', async () => {
    const bench = await open({}, {}, hourMs);
    const { harness, topic, times } = bench;
    const late = await harness.createSubscription('late', topic);
    expect(await harness.pull(late)).toEqual([]);
    await seek({ ...bench, subscription: late }, times[1]!);
    expect(await harness.consume(late)).toEqual(['b', 'c', 'd']);
    await seek({ ...bench, subscription: late }, 0);
    await harness.restart();
    await harness.until(harness.broker.sweep());
    expect(await harness.consume(late)).toEqual(['a', 'b', 'c', 'd']);
    await harness.close();
  });

  test('does not reach what its own subscription retains from before its creation', async () => {
    const bench = await open(retaining);
    const { harness, topic } = bench;
    const late = await harness.createSubscription('late', topic, retaining);
    await harness.publish(topic, 'e');
    await harness.consume(late);
    await seek({ ...bench, subscription: late }, 0);
    expect(await harness.consume(late)).toEqual(['e']);
    await harness.close();
  });

  test('keeps what the topic retains for longer than the subscription would', async () => {
    const short = { messageRetentionMs: 10 * minuteMs };
    const { harness, subscription } = await open(short, {}, hourMs);
    await harness.clock.advance(20 * minuteMs);
    expect(await harness.consume(subscription)).toEqual(['a', 'b', 'c', 'd']);
    await harness.close();
  });
});

describe('after a seek', () => {
  test('an ack id from before it does not acknowledge what is delivered again', async () => {
    const bench = await open();
    const { harness, subscription, times } = bench;
    const before = await harness.pull(subscription);
    await seek(bench, times[0]!);
    await harness.acknowledge(
      subscription,
      before.map(({ ackId }) => ackId),
    );
    // Outstanding ones are available at once, without a deadline that must pass first.
    expect(await harness.consume(subscription)).toEqual(['a', 'b', 'c', 'd']);
    await harness.close();
  });

  test('open streams stay open and get what comes back', async () => {
    const bench = await open(retaining);
    const { harness, subscription, times } = bench;
    const stream = await harness.openStream(subscription);
    const ackIds = stream.take().map(({ ackId }) => ackId);
    await harness.acknowledge(subscription, ackIds);
    await seek(bench, times[2]!);
    await harness.clock.settle();
    expect(stream.take().map(({ text }) => text)).toEqual(['c', 'd']);
    expect(stream.failure).toBeNull();
    stream.stream.close();
    await harness.close();
  });

  test('an endpoint of push gets what comes back', async () => {
    const pushed: number[] = [];
    const pushConfig = { endpoint: 'http://localhost:1/', attributes: {} };
    const bench = await open(
      { ...retaining, pushConfig },
      {
        pushSender: {
          send: async () => {
            pushed.push(pushed.length);
            return { responseClass: 'ack', code: '204', text: '' };
          },
        },
      },
    );
    await bench.harness.clock.settle();
    expect(pushed).toHaveLength(4);
    await seek(bench, bench.times[1]!);
    await bench.harness.clock.advance(1_000);
    expect(pushed).toHaveLength(7);
    await bench.harness.close();
  });

  test('the state is that of the seek, also when the broker crashes right after', async () => {
    const bench = await open(retaining);
    const { harness, subscription, times } = bench;
    await harness.consume(subscription);
    await seek(bench, times[1]!);
    await harness.restart();
    expect(await harness.consume(subscription, 1)).toEqual(['b']);
    await seek(bench, times[3]!);
    await harness.restart();
    expect(await harness.consume(subscription)).toEqual(['d']);
    await harness.close();
  });
});

describe('a seek of a subscription with exactly-once delivery and order', () => {
  const settings = { enableExactlyOnceDelivery: true, enableMessageOrdering: true, ...retaining };

  test('voids what is leased, durably, and brings all back in order', async () => {
    const harness = await BrokerHarness.open();
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic, settings);
    const texts = ['a', 'b', 'c', 'd'];
    for (const text of texts) {
      const data = Buffer.from(text);
      const message = sealableMessage({ data, attributes: [], orderingKey: 'key' });
      await harness.until(harness.broker.publish(topic, [message]));
    }
    const [first, second] = await harness.pull(subscription);
    await harness.acknowledge(subscription, [first!.ackId]);
    await harness.until(harness.broker.seek(subscription, { timeMs: 0 }));
    const late = harness.broker.acknowledgeEach(subscription, [first!.ackId, second!.ackId]);
    expect(await harness.until(late)).toEqual(['expired', 'expired']);
    await harness.restart();
    const late2 = harness.broker.acknowledgeEach(subscription, [second!.ackId]);
    expect(await harness.until(late2)).toEqual(['expired']);
    expect(await harness.consume(subscription)).toEqual(texts);
    await harness.close();
  });
});

test('a filter is applied again to what a seek brings back', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const all = await harness.createSubscription('all', topic);
  const none = await harness.createSubscription('none', topic, { filter: 'attributes:size' });
  await harness.publish(topic, 'plain', 'plain too');
  const [first] = await harness.pull(all);
  await harness.acknowledge(all, [first!.ackId]);
  const snapshot = await harness.createSnapshot('before', all);
  await harness.until(harness.broker.seek(none, { snapshot }));
  expect(await harness.pull(none)).toEqual([]);
  await harness.close();
});

test('a seek needs no key', async () => {
  const harness = await BrokerHarness.open();
  const key = await harness.createKey();
  const topic = await harness.createTopic('orders', { kmsKeyName: key.name });
  const subscription = await harness.createSubscription('billing', topic, retaining);
  await harness.publish(topic, 'a', 'b');
  await harness.consume(subscription);
  await harness.setKeyEnabled(key.version, false);
  await harness.until(harness.broker.seek(subscription, { timeMs: 0 }));
  await harness.setKeyEnabled(key.version, true);
  expect(await harness.consume(subscription)).toEqual(['a', 'b']);
  await harness.close();
});

test('what is published during a seek is delivered', async () => {
  const bench = await open();
  const { harness, topic, subscription } = bench;
  await seek(bench, Date.UTC(3000));
  const work: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    work.push(harness.broker.seek(subscription, { timeMs: bench.times[0]! }));
    work.push(harness.publish(topic, `during ${i}`));
    await harness.clock.settle(1);
  }
  await harness.until(Promise.all(work));
  const texts = await harness.consume(subscription);
  expect(new Set(texts)).toEqual(new Set(Array.from({ length: 20 }, (_, i) => `during ${i}`)));
  await harness.close();
});

test('a seek that the disk refuses is refused, and once tried again it holds', async () => {
  const bench = await open(retaining);
  const { harness, subscription, times } = bench;
  await harness.consume(subscription);
  harness.faults.next('full');
  const seeking = harness.broker.seek(subscription, { timeMs: times[2]! });
  await expect(harness.until(seeking)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  await seek(bench, times[2]!);
  await harness.restart();
  expect(await harness.consume(subscription)).toEqual(['c', 'd']);
  await harness.close();
});

describe('a seek is refused', () => {
  test.each([
    ['of a subscription that is not there', 'gone', { timeMs: 0 }, 'NOT_FOUND', /resource=gone/],
    ['to a snapshot that is not there', 'billing', 'gone', 'NOT_FOUND', /resource=gone/],
    ['to a snapshot of another topic', 'billing', 'other', 'FAILED_PRECONDITION', /same/],
  ] as const)('%s, and told so', async (_, id, target, code, message) => {
    const recorder = new EventRecorder();
    const { harness } = await open({}, { observer: recorder.observer });
    const other = await harness.createTopic('other');
    await harness.createSnapshot('other', await harness.createSubscription('other', other));
    recorder.take();
    const to = typeof target === 'string' ? { snapshot: snapshotName(target) } : target;
    const seeking = harness.until(harness.broker.seek(subscriptionName(id), to));
    await expect(seeking).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(recorder.take('seek')).toEqual([['seek', subscriptionName(id), code]]);
    await harness.until(harness.broker.seek(subscriptionName('billing'), { timeMs: 0 }));
    expect(recorder.take('seek')).toEqual([['seek', subscriptionName('billing'), 'OK']]);
    await harness.close();
  });
});

test('of any backlog, a seek acknowledges below its cut and gives back above what is retained', () => {
  const sequences = fc.nat(12);
  fc.assert(
    fc.property(
      sequences,
      fc.uniqueArray(sequences),
      sequences,
      fc.option(sequences),
      (frontier, unacked, cut, retainedFrom) => {
        const resurrectFrom = retainedFrom ?? Infinity;
        const holes = unacked.filter((hole) => hole < frontier).toSorted((a, b) => a - b);
        const after = soughtState({ frontier, holes: () => holes }, { cut, resurrectFrom });
        for (let sequence = 0; sequence < 20; sequence++) {
          const isUnacked = (state: { frontier: number; holes: readonly number[] }): boolean =>
            sequence >= state.frontier || state.holes.includes(sequence);
          const expected =
            sequence >= cut && (sequence >= resurrectFrom || isUnacked({ frontier, holes }));
          expect(isUnacked(after)).toBe(expected);
        }
        expect(after.holes.every((hole) => hole < after.frontier)).toBe(true);
      },
    ),
  );
});
