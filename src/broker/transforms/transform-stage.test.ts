import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { ScriptedEndpoint } from '../../../test/support/scripted-endpoint.ts';
import { scripted, ScriptedTransforms } from '../../../test/support/scripted-transforms.ts';
import type { MessageTransform } from '../../transforms/index.ts';
import type { SealableMessage, Subscription } from '../service.ts';
import { decodeMessage, sealableMessage } from '../wire/index.ts';

let engine: ScriptedTransforms;
let events: EventRecorder;
let harness: BrokerHarness;
let orders: string;
let kitchen: string;

beforeEach(async () => {
  engine = new ScriptedTransforms();
  engine.scripts.set('louder', (text) => text.toUpperCase());
  engine.scripts.set('sieve', (text) => {
    if (text.startsWith('chaff')) return null;
    return text.startsWith('stone') ? { fails: 'TypeError: a stone' } : `${text}!`;
  });
  events = new EventRecorder();
  harness = await BrokerHarness.open({ transforms: engine, observer: events.observer });
});

afterEach(async () => {
  await harness.close();
});

async function open(name: string, more: Partial<Subscription> = {}): Promise<void> {
  orders = await harness.createTopic('orders');
  const messageTransforms = [scripted(name)];
  kitchen = await harness.createSubscription('kitchen', orders, { messageTransforms, ...more });
}

const texts = (received: readonly Received[]): string[] => received.map(({ text }) => text);

const keyed = (text: string, orderingKey: string): SealableMessage =>
  sealableMessage({ data: Buffer.from(text), attributes: [['a', 'b']], orderingKey });

async function publishKeyed(key: string, ...all: string[]): Promise<void> {
  const messages = all.map((text) => keyed(text, key));
  await harness.until(harness.broker.publish(orders, messages));
}

async function change(...messageTransforms: MessageTransform[]): Promise<void> {
  const change = (stored: Subscription): Subscription => ({ ...stored, messageTransforms });
  await harness.until(harness.broker.updateSubscription(kitchen, change, ['message_transforms']));
}

async function unacked(): Promise<number> {
  const reports = await harness.until(harness.broker.backlogs());
  return reports.find(({ subscription }) => subscription === kitchen)!.unackedCount;
}

async function diagnosed(): Promise<string[]> {
  const { findings } = await harness.until(harness.broker.diagnoseSubscription(kitchen));
  return findings.map(({ reason }) => reason);
}

test('messages are delivered as their transforms make them, with id, time and ordering key', async () => {
  await open('louder');
  const [id] = await harness.until(harness.broker.publish(orders, [keyed('soup', 'table-1')]));
  const [pulled] = await harness.pull(kitchen);
  expect(pulled).toMatchObject({ messageId: id, text: 'SOUP', deliveryAttempt: 0 });
  expect(pulled!.bytes).toEqual(Buffer.from(keyed('SOUP', 'table-1').bytes));
  const { publishTimeMs } = pulled!;
  expect(engine.runs[0]!.messages[0]).toMatchObject({ messageId: id, publishTimeMs });
});

test('messages that a run has left out are run in the next', async () => {
  engine.outcomesMax = 3;
  await open('sieve', { enableMessageOrdering: true });
  await publishKeyed('table-1', 'a', 'chaff', 'b');
  await harness.publish(orders, 'c', 'chaff', 'd', 'e', 'f', 'g');
  const probe = await harness.openStream(kitchen);
  for (let turn = 0; probe.received.length < 7 && turn < 100; turn++) await harness.clock.settle();
  expect(texts(probe.received).toSorted()).toEqual(['a!', 'b!', 'c!', 'd!', 'e!', 'f!', 'g!']);
});

test('a stream gets a long backlog transformed, in batches of at most a hundred', async () => {
  await open('louder');
  const all = Array.from({ length: 700 }, (_, i) => `order ${i}`);
  await harness.publish(orders, ...all);
  const probe = await harness.openStream(kitchen);
  for (let turn = 0; probe.received.length < all.length && turn < 100; turn++) {
    await harness.clock.settle();
  }
  expect(texts(probe.take()).toSorted()).toEqual(all.map((text) => text.toUpperCase()).toSorted());
  expect(engine.runs.every(({ messages }) => messages.length <= 100)).toBe(true);
  probe.stream.close();
});

test('one Pull has no more transformed than it takes', async () => {
  await open('louder');
  await harness.publish(orders, ...Array.from({ length: 50 }, (_, i) => `order ${i}`));
  expect(await harness.pull(kitchen, 3)).toHaveLength(3);
  expect(engine.runs.flatMap(({ messages }) => messages)).toHaveLength(3);
});

test('what is filtered is acknowledged, durably, and told as filtered', async () => {
  await open('sieve');
  await harness.publish(orders, 'chaff', 'soup', 'chaff');
  expect(texts(await harness.pull(kitchen))).toEqual(['soup!']);
  expect(await unacked()).toBe(1);
  expect(events.take('filtered')).toEqual([['filtered', kitchen, 2]]);
  await harness.clock.advance(1_000);
  await harness.restart();
  engine.runs.length = 0;
  expect(texts(await harness.pull(kitchen))).toEqual(['soup!']);
  expect(engine.runs.flatMap(({ messages }) => messages)).toHaveLength(1);
});

test('a lease begins when the message leaves, not when its transforms do', async () => {
  await open('louder');
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  await harness.publish(orders, 'soup');
  const probe = await harness.openStream(kitchen);
  await harness.clock.advance(60_000);
  expect(await unacked()).toBe(1);
  resolve();
  await harness.clock.advance(9_000);
  expect(texts(probe.take())).toEqual(['SOUP']);
  expect(events.take('expired')).toEqual([]);
  probe.stream.close();
});

describe('a message that a transform does not bear', () => {
  test('comes again ever later, so that its code is not run for nothing', async () => {
    await open('sieve');
    await harness.publish(orders, 'stone', 'soup');
    const probe = await harness.openStream(kitchen);
    await harness.acknowledge(
      kitchen,
      probe.take().map(({ ackId }) => ackId),
    );
    const runs = (): number => engine.runs.flatMap(({ messages }) => messages).length;
    expect(runs()).toBe(2);
    await harness.clock.advance(3_600_000);
    expect(runs()).toBeLessThan(22);
    expect(runs()).toBeGreaterThan(14);
    expect(await unacked()).toBe(1);
    expect(await diagnosed()).toContain('TRANSFORM_FAILING');
    probe.stream.close();
  });

  test('does not wait any longer once the transforms were changed', async () => {
    await open('sieve');
    await harness.publish(orders, 'stone');
    const probe = await harness.openStream(kitchen);
    await harness.clock.advance(600_000);
    await change(scripted('louder'));
    await harness.clock.advance(100);
    expect(texts(probe.take())).toEqual(['STONE']);
    expect(await diagnosed()).not.toContain('TRANSFORM_FAILING');
    probe.stream.close();
  });

  test('goes to the dead letter topic as it was published, with what went wrong', async () => {
    const failed = await harness.createTopic('failed');
    const clerk = await harness.createSubscription('clerk', failed);
    const deadLetterPolicy = { deadLetterTopic: failed, maxDeliveryAttempts: 5 };
    await open('sieve', { deadLetterPolicy });
    await harness.publish(orders, 'stone of some weight');
    const probe = await harness.openStream(kitchen);
    await harness.clock.advance(10_000);
    expect(probe.received).toEqual([]);
    const [letter] = await harness.pull(clerk);
    expect(letter!.text).toBe('stone of some weight');
    const attributes = Object.fromEntries(decodeMessage(letter!.bytes).attributes);
    expect(attributes).toMatchObject({
      CloudPubSubDeadLetterSourceDeliveryCount: '5',
      CloudPubSubDeadLetterSourceDeliveryErrorMessage: 'TypeError: a stone',
    });
    expect(await unacked()).toBe(0);
    probe.stream.close();
  });

  test('holds up its ordering key, and no other', async () => {
    await open('sieve', { enableMessageOrdering: true });
    await publishKeyed('a', 'one', 'stone', 'three');
    await publishKeyed('b', 'four', 'five');
    const probe = await harness.openStream(kitchen);
    await harness.clock.advance(1_000);
    expect(texts(probe.take()).toSorted()).toEqual(['five!', 'four!', 'one!']);
    await change(scripted('louder'));
    await harness.clock.advance(1_000);
    expect(texts(probe.take())).toEqual(['STONE', 'THREE']);
    probe.stream.close();
  });
});

test('the messages of a key come in their order, also behind one that is filtered', async () => {
  await open('sieve', { enableMessageOrdering: true });
  await publishKeyed('a', 'one', 'chaff', 'three', 'chaff', 'chaff', 'six');
  const probe = await harness.openStream(kitchen);
  await harness.clock.advance(1_000);
  const received = probe.take();
  expect(texts(received)).toEqual(['one!', 'three!', 'six!']);
  await harness.acknowledge(
    kitchen,
    received.map(({ ackId }) => ackId),
  );
  expect(await unacked()).toBe(0);
  probe.stream.close();
});

test('exactly once: what is delivered again was transformed again', async () => {
  await open('louder', { enableExactlyOnceDelivery: true });
  await harness.publish(orders, 'soup');
  const probe = await harness.openStream(kitchen);
  await harness.clock.advance(25_000);
  expect(texts(probe.take())).toEqual(['SOUP', 'SOUP', 'SOUP']);
  probe.stream.close();
});

test('a seek while transforms run has what it brought back transformed, and nothing twice', async () => {
  await open('louder', { retainAckedMessages: true });
  await harness.publish(orders, 'soup', 'bread');
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const probe = await harness.openStream(kitchen);
  await harness.until(harness.broker.seek(kitchen, { timeMs: 0 }));
  resolve();
  await harness.clock.advance(100);
  expect(texts(probe.take())).toEqual(['SOUP', 'BREAD']);
  probe.stream.close();
});

test('results of transforms that were changed meanwhile are thrown away', async () => {
  await open('louder');
  await harness.publish(orders, 'soup');
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const probe = await harness.openStream(kitchen);
  await change(scripted('sieve'));
  resolve();
  await harness.clock.advance(100);
  expect(texts(probe.take())).toEqual(['soup!']);
  probe.stream.close();
});

test('without transforms any more, messages are delivered as they are', async () => {
  await open('sieve');
  await harness.publish(orders, 'stone', 'soup');
  const probe = await harness.openStream(kitchen);
  expect(texts(probe.take())).toEqual(['soup!']);
  await change();
  await harness.clock.advance(100);
  expect(texts(probe.take())).toEqual(['stone']);
  probe.stream.close();
});

test('where transforms cannot be run nothing is delivered, and all is once they can', async () => {
  await open('louder');
  await harness.publish(orders, 'soup');
  engine.failure = new Error('the thread is gone');
  const probe = await harness.openStream(kitchen);
  await harness.clock.advance(5_000);
  expect(probe.take()).toEqual([]);
  expect(await diagnosed()).toContain('TRANSFORMS_UNAVAILABLE');
  engine.failure = null;
  await harness.clock.advance(30_000);
  expect(texts(probe.take())).toContain('SOUP');
  expect(await diagnosed()).not.toContain('TRANSFORMS_UNAVAILABLE');
  probe.stream.close();
});

test('a Pull that does not want to wait waits two seconds at most for transforms', async () => {
  await open('louder');
  await harness.publish(orders, 'soup');
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const startedMs = harness.clock.monotonicMs();
  expect(await harness.pull(kitchen)).toEqual([]);
  expect(harness.clock.monotonicMs() - startedMs).toBeLessThanOrEqual(2_100);
  resolve();
  expect(texts(await harness.pull(kitchen))).toEqual(['SOUP']);
});

test('nothing that transforms made is delivered once the key is revoked', async () => {
  const key = await harness.createKey();
  orders = await harness.createTopic('orders', { kmsKeyName: key.name });
  const messageTransforms = [scripted('louder')];
  kitchen = await harness.createSubscription('kitchen', orders, { messageTransforms });
  await harness.publish(orders, 'soup');
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const probe = await harness.openStream(kitchen);
  expect(engine.openCount).toBe(1);
  await harness.setKeyEnabled(key.version, false);
  expect(engine.openCount).toBe(0);
  resolve();
  await harness.clock.advance(100);
  expect(probe.take()).toEqual([]);
  expect(probe.failure?.code).toBe('FAILED_PRECONDITION');
  await harness.setKeyEnabled(key.version, true);
  expect(texts(await harness.pull(kitchen))).toEqual(['SOUP']);
});

test('flow control counts the bytes that leave', async () => {
  engine.scripts.set('long', (text) => text.padEnd(10_000, '.'));
  await open('long');
  await harness.publish(orders, 'one', 'two', 'three');
  const probe = await harness.openStream(kitchen, { outstandingBytesMax: 15_000 });
  await harness.clock.advance(100);
  expect(probe.take()).toHaveLength(2);
  probe.stream.close();
});

test('push sends what transforms make, and an endpoint sees nothing of what they do not bear', async () => {
  const endpoint = new ScriptedEndpoint(() => harness.clock);
  await harness.close();
  harness = await BrokerHarness.open({ transforms: engine, pushSender: endpoint });
  const pushConfig = { endpoint: 'https://example.com/hook', attributes: {} };
  await open('sieve', { pushConfig });
  await harness.publish(orders, 'soup', 'stone', 'chaff', 'bread');
  await harness.clock.advance(1_000);
  expect(endpoint.texts.toSorted()).toEqual(['bread!', 'soup!']);
  expect(await unacked()).toBe(1);
  await change(scripted('louder'));
  await harness.clock.advance(1_000);
  expect(endpoint.texts).toContain('STONE');
  expect(await unacked()).toBe(0);
});
