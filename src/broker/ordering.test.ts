import { expect, test } from 'vitest';

import {
  BrokerHarness,
  type Received,
  type StreamProbe,
} from '../../test/support/broker-harness.ts';
import { Chance } from '../../test/support/chance.ts';
import { sealableMessage } from './index.ts';

const ordered = { enableMessageOrdering: true };

/** Publishes `key:text` messages, one request each, in order. */
async function publishAll(harness: BrokerHarness, topic: string, names: string): Promise<void> {
  for (const name of names.split(' ')) {
    const [orderingKey = ''] = name.split(':');
    const message = sealableMessage({ data: Buffer.from(name), attributes: [], orderingKey });
    await harness.until(harness.broker.publish(topic, [message]));
  }
}

const texts = (received: readonly Received[]): string => received.map(({ text }) => text).join(' ');

async function settle(
  harness: BrokerHarness,
  subscription: string,
  received: readonly Received[],
  seconds: 'ack' | number,
): Promise<void> {
  const ids = received.map(({ ackId }) => ackId);
  const { broker } = harness;
  const call =
    seconds === 'ack'
      ? broker.acknowledge(subscription, ids)
      : broker.modifyAckDeadline(subscription, ids, seconds);
  await harness.until(call);
  await harness.clock.settle();
}

async function opened(): Promise<{ harness: BrokerHarness; topic: string; subscription: string }> {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, ordered);
  return { harness, topic, subscription };
}

test('a Pull gets one batch of a key, and the next of it once all of that is acknowledged', async () => {
  const { harness, topic, subscription } = await opened();
  await publishAll(harness, topic, 'a:1 a:2 b:1 a:3 b:2');
  const first = await harness.pull(subscription, 2);
  expect(texts(first)).toBe('a:1 a:2');
  const second = await harness.pull(subscription);
  expect(texts(second)).toBe('b:1 b:2');
  await settle(harness, subscription, first.slice(0, 1), 'ack');
  expect(await harness.pull(subscription)).toEqual([]);
  await settle(harness, subscription, first.slice(1), 'ack');
  expect(texts(await harness.pull(subscription))).toBe('a:3');
  await harness.close();
});

test('a key stays with its stream while anything of it is outstanding there', async () => {
  const { harness, topic, subscription } = await opened();
  const streams = [
    await harness.openStream(subscription, { clientId: 'one' }),
    await harness.openStream(subscription, { clientId: 'one' }),
  ];
  await publishAll(harness, topic, 'a:1');
  const owner = streams.find(({ received }) => received.length > 0)!;
  const other = streams.find((stream) => stream !== owner)!;
  await publishAll(harness, topic, 'a:2 b:1 a:3');
  expect(texts(owner.received.filter(({ text }) => text.startsWith('a')))).toBe('a:1 a:2 a:3');
  expect(texts(other.received)).not.toContain('a:');
  await harness.close();
});

test("a dead stream's keys wait for its leases, or go to the stream that takes its place", async () => {
  const { harness, topic, subscription } = await opened();
  const dead = await harness.openStream(subscription, { clientId: 'one' });
  await publishAll(harness, topic, 'a:1 a:2');
  dead.stream.close();
  const stranger = await harness.openStream(subscription, { clientId: 'two' });
  await publishAll(harness, topic, 'a:3');
  expect(stranger.take()).toEqual([]);
  const again = await harness.openStream(subscription, { clientId: 'one' });
  expect(texts(again.take())).toBe('a:3');
  await harness.clock.advance(10_200);
  expect(texts([...again.take(), ...stranger.take()])).toBe('a:1 a:2 a:3');
  await harness.close();
});

test('a nack brings back the message and all behind it of its key, acknowledged ones too', async () => {
  const { harness, topic, subscription } = await opened();
  const stream = await harness.openStream(subscription);
  await publishAll(harness, topic, 'a:1 a:2 a:3 b:1');
  const [one, two, three] = stream.take();
  await settle(harness, subscription, [three!], 'ack');
  await settle(harness, subscription, [one!], 0);
  expect(texts(stream.received)).toBe('a:1 a:2 a:3');
  // The ack of a delivery that is void changes nothing.
  await settle(harness, subscription, [two!], 'ack');
  await settle(harness, subscription, stream.take(), 'ack');
  await harness.clock.advance(10_200);
  expect(texts(stream.take())).toBe('b:1');
  await harness.close();
});

test('what is acknowledged ahead of an earlier message comes again after a restart, in order', async () => {
  const { harness, topic, subscription } = await opened();
  await publishAll(harness, topic, 'a:1 a:2 a:3 a:4');
  const received = await harness.pull(subscription, 3);
  await settle(harness, subscription, [received[2]!, received[1]!], 'ack');
  await harness.restart();
  const again = await harness.pull(subscription);
  expect(texts(again)).toBe('a:1 a:2 a:3 a:4');
  await settle(harness, subscription, again, 'ack');
  await harness.restart();
  expect(await harness.pull(subscription)).toEqual([]);
  await harness.close();
});

test('in order, ids from before a restart acknowledge nothing: all of it comes again', async () => {
  const { harness, topic, subscription } = await opened();
  await publishAll(harness, topic, 'a:1 a:2 a:3 a:4');
  const received = await harness.pull(subscription);
  await harness.restart();
  await settle(harness, subscription, received, 'ack');
  const again = await harness.pull(subscription);
  expect(texts(again)).toBe('a:1 a:2 a:3 a:4');
  await settle(harness, subscription, received, 'ack');
  await harness.clock.advance(10_200);
  expect(texts(await harness.pull(subscription))).toBe('a:1 a:2 a:3 a:4');
  await harness.close();
});

test('the retry of a message delays its key, and no other', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const retryPolicy = { minimumBackoffMs: 5_000, maximumBackoffMs: 60_000 };
  const more = { ...ordered, retryPolicy };
  const subscription = await harness.createSubscription('billing', topic, more);
  const stream = await harness.openStream(subscription);
  await publishAll(harness, topic, 'a:1 a:2');
  await settle(harness, subscription, stream.take().slice(0, 1), 0);
  await publishAll(harness, topic, 'b:1 a:3');
  expect(texts(stream.take())).toBe('b:1');
  await harness.clock.advance(5_200);
  expect(texts(stream.take())).toBe('a:1 a:2 a:3');
  await harness.close();
});

test('a key that nobody acknowledges holds others up only when the window is full of it', async () => {
  const harness = await BrokerHarness.open({ limits: { outstandingWindow: 10 } });
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, ordered);
  const busy = await harness.openStream(subscription, { outstandingMessagesMax: 1 });
  await publishAll(harness, topic, 'a:0');
  const free = await harness.openStream(subscription);
  await publishAll(harness, topic, 'a:1 a:2 b:1 a:3 b:2');
  expect(texts(free.take())).toBe('b:1 b:2');
  expect(texts(busy.take())).toBe('a:0');
  await publishAll(harness, topic, 'a:4 a:5 a:6 a:7 a:8 c:1 c:2');
  expect(texts(free.take())).toBe('');
  await harness.close();
});

test('nothing overtakes within a key, whoever fails, closes or restarts', async () => {
  for (let seed = 1; seed <= 20; seed++) await randomLife(seed);
});

/** Acks, nacks and streams at random; at the end every message came, in the order of its key. */
async function randomLife(seed: number): Promise<void> {
  const harness = await BrokerHarness.open({ seed, limits: { outstandingWindow: 40 } });
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, ordered);
  const chance = new Chance(seed);
  const names = Array.from({ length: 60 }, (_, i) => `${'abc'[chance.below(3)]}:${i}`);
  await publishAll(harness, topic, names.join(' '));
  const acked = new Set<string>();
  const hadBy = new Map<StreamProbe, Set<string>>();
  const had = (stream: StreamProbe): Set<string> => {
    if (!hadBy.has(stream)) hadBy.set(stream, new Set());
    return hadBy.get(stream)!;
  };
  const open = async (): Promise<StreamProbe> =>
    await harness.openStream(subscription, { outstandingMessagesMax: 5, clientId: '' });
  let streams = [await open(), await open()];
  for (let round = 0; round < 400 && acked.size < names.length; round++) {
    const stream = streams[chance.below(2)]!;
    const taken = stream.take();
    checkOrder(taken, { had: had(stream), acked, names });
    const kept = taken.slice(0, chance.below(taken.length + 1));
    await settle(harness, subscription, kept, 'ack').catch(() => undefined);
    for (const { text } of kept) acked.add(text);
    const rest = taken.slice(kept.length);
    if (rest.length > 0) await settle(harness, subscription, rest.slice(0, 1), 0);
    if (chance.below(10) === 0) {
      stream.stream.close();
      streams = [await open(), streams.find((each) => each !== stream)!];
    }
    if (chance.below(25) === 0) {
      await harness.restart();
      streams = [await open(), await open()];
    }
    await harness.clock.advance(chance.below(3) * 4_000);
  }
  expect([...acked].toSorted()).toEqual(names.toSorted());
  await harness.close();
}

/** Of each key nothing comes before what is earlier, neither acknowledged nor with this stream. */
function checkOrder(
  taken: readonly Received[],
  known: { had: Set<string>; acked: Set<string>; names: readonly string[] },
): void {
  const { had, acked, names } = known;
  for (const { text } of taken) {
    const earlier = names.slice(0, names.indexOf(text)).filter((name) => name[0] === text[0]);
    const missing = earlier.filter((name) => !acked.has(name) && !had.has(name));
    expect(missing, `${text} came before them`).toEqual([]);
    had.add(text);
  }
}
