import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { BrokerHarness, textMessage, type Received } from '../../../test/support/broker-harness.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { scripted, ScriptedTransforms } from '../../../test/support/scripted-transforms.ts';
import type { MessageTransform } from '../../transforms/index.ts';
import type { SealableMessage, Topic } from '../service.ts';
import { sealableMessage } from '../wire/index.ts';

let engine: ScriptedTransforms;
let events: EventRecorder;
let harness: BrokerHarness;
let orders: string;
let kitchen: string;

beforeEach(async () => {
  engine = new ScriptedTransforms();
  engine.scripts.set('louder', (text) => text.toUpperCase());
  engine.scripts.set('twice', (text) => text + text);
  engine.scripts.set('sieve', (text) => {
    if (text.startsWith('chaff')) return null;
    return text.startsWith('stone') ? { fails: 'TypeError: a stone' } : text;
  });
  events = new EventRecorder();
  harness = await BrokerHarness.open({ transforms: engine, observer: events.observer });
});

afterEach(async () => {
  await harness.close();
});

async function open(...messageTransforms: MessageTransform[]): Promise<void> {
  orders = await harness.createTopic('orders', { messageTransforms });
  kitchen = await harness.createSubscription('kitchen', orders);
}

const texts = (received: readonly Received[]): string[] => received.map(({ text }) => text);

const keyed = (text: string, orderingKey: string): SealableMessage =>
  sealableMessage({ data: Buffer.from(text), attributes: [['a', 'b']], orderingKey });

async function change(...messageTransforms: MessageTransform[]): Promise<void> {
  const change = (stored: Topic): Topic => ({ ...stored, messageTransforms });
  await harness.until(harness.broker.updateTopic(orders, change, ['message_transforms']));
}

test('transforms are applied in their order, disabled ones are not, before a message is stored', async () => {
  await open(scripted('louder'), scripted('sieve', true), scripted('twice'));
  await harness.publish(orders, 'soup', 'stone');
  expect(texts(await harness.pull(kitchen))).toEqual(['SOUPSOUP', 'STONESTONE']);
  await harness.restart();
  expect(texts(await harness.pull(kitchen))).toEqual(['SOUPSOUP', 'STONESTONE']);
});

test('messages that a run has left out are run in the next, and keep their places', async () => {
  engine.outcomesMax = 2;
  await open(scripted('sieve'));
  const ids = await harness.publish(orders, 'a', 'b', 'chaff', 'c', 'd');
  const received = await harness.pull(kitchen);
  const stored = ids.filter((id) => !id.startsWith('0'));
  expect(received.map(({ messageId }) => messageId)).toEqual(stored);
  expect(texts(received)).toEqual(['a', 'b', 'c', 'd']);
  const failing = harness.publish(orders, 'a', 'b', 'c', 'd', 'stone');
  await expect(failing).rejects.toThrow(/messages\[4\]/);
});

test('what is being transformed for a topic that is deleted is refused, and leaves nothing open', async () => {
  await open(scripted('sieve'));
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const code = (error: { code: string }): string => error.code;
  const refused = [1, 2].map(() => harness.broker.publish(orders, [textMessage('a')]).catch(code));
  await harness.clock.settle();
  expect(engine.openCount).toBe(1);
  await harness.until(harness.broker.deleteTopic(orders));
  resolve();
  expect(await harness.until(Promise.all(refused))).toEqual(['NOT_FOUND', 'NOT_FOUND']);
  expect(engine.openCount).toBe(0);
});

test('one message that fails refuses the whole publish, with its index and its words', async () => {
  await open(scripted('sieve'));
  const publish = harness.publish(orders, 'soup', 'stone', 'bread');
  await expect(publish).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    reason: 'TRANSFORM_FAILED',
    message: expect.stringContaining('(messages[1], message_transforms[0]: TypeError: a stone)'),
  });
  expect(await harness.pull(kitchen)).toEqual([]);
});

test('what is filtered is not stored, and has an id all the same that no stored message has', async () => {
  await open(scripted('sieve'));
  const ids = await harness.publish(orders, 'chaff', 'soup', 'chaff', 'bread');
  expect(new Set(ids).size).toBe(4);
  expect(ids.every((id) => /^\d{17}$/.test(id))).toBe(true);
  const received = await harness.pull(kitchen);
  expect(received.map(({ messageId, text }) => [messageId, text])).toEqual([
    [ids[1], 'soup'],
    [ids[3], 'bread'],
  ]);
  expect(ids[0]).toMatch(/^0/);
});

test('a publish of which all is filtered succeeds and stores nothing', async () => {
  await open(scripted('sieve'));
  expect(await harness.publish(orders, 'chaff', 'chaff 2')).toHaveLength(2);
  expect(await harness.pull(kitchen)).toEqual([]);
  expect(events.take('sealed')).toEqual([]);
});

test('the ordering key stays, and so do attributes that a transform leaves', async () => {
  await open(scripted('louder'));
  await harness.until(harness.broker.publish(orders, [keyed('soup', 'table-1')]));
  const [message] = await harness.pull(kitchen);
  expect(message!.bytes).toEqual(Buffer.from(keyed('SOUP', 'table-1').bytes));
});

test('what is published later is stored later, whatever transforms take', async () => {
  await open(scripted('louder'));
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const first = harness.broker.publish(orders, [keyed('first', 'k')]);
  const second = harness.broker.publish(orders, [keyed('second', 'k')]);
  await harness.clock.settle();
  expect(engine.runs).toHaveLength(1);
  await change();
  const third = harness.broker.publish(orders, [keyed('third', 'k')]);
  resolve();
  await harness.until(Promise.all([first, second, third]));
  // The transforms were gone before the results of the first came in.
  expect(texts(await harness.pull(kitchen))).toEqual(['first', 'second', 'third']);
});

test('results of transforms that were changed meanwhile count for nothing', async () => {
  await open(scripted('louder'));
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const publish = harness.publish(orders, 'soup');
  await harness.clock.settle();
  await change(scripted('twice'));
  resolve();
  await publish;
  expect(texts(await harness.pull(kitchen))).toEqual(['soupsoup']);
  expect(engine.openCount).toBe(1);
});

describe('a message that a transform has made', () => {
  test.each([
    ['is empty', (): string => '', /must have non-empty data/],
    ['is too large', (): string => 'x'.repeat(10_000_001), /message_size is too large/],
  ])('%s: the publish is refused', async (_, script, text) => {
    engine.scripts.set('odd', script);
    await open(scripted('odd'));
    const publish = harness.until(harness.broker.publish(orders, [textMessage('soup')]));
    await expect(publish).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: text });
  });

  test('makes the request too large with others: it is refused before more is made', async () => {
    engine.scripts.set('grow', () => 'x'.repeat(60_000));
    await open(scripted('grow'));
    const publish = harness.publish(orders, ...Array.from({ length: 1_000 }, (_, i) => `${i}`));
    await expect(publish).rejects.toMatchObject({ message: /request_size is too large/ });
    expect(engine.runs.flatMap(({ messages }) => messages).length).toBeLessThan(300);
    expect(engine.runs.every(({ messages }) => messages.length <= 100)).toBe(true);
  });
});

test('where transforms cannot be run the publish is UNAVAILABLE, and later ones are not', async () => {
  await open(scripted('louder'));
  engine.failure = new Error('the thread is gone');
  const refused = { code: 'UNAVAILABLE', reason: 'TRANSFORMS_UNAVAILABLE' };
  await expect(harness.publish(orders, 'soup')).rejects.toMatchObject(refused);
  engine.failure = null;
  await harness.publish(orders, 'bread');
  expect(texts(await harness.pull(kitchen))).toEqual(['BREAD']);
});

test('a transform that could not be run is refused when it is set, and changes nothing', async () => {
  const messageTransforms = [scripted('louder'), scripted('missing', true)];
  const refused = {
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('message_transforms[1]: no function missing'),
  };
  await expect(harness.createTopic('orders', { messageTransforms })).rejects.toMatchObject(refused);
  await open(scripted('louder'));
  await expect(change(...messageTransforms)).rejects.toMatchObject(refused);
  expect((await harness.broker.getTopic(orders)).messageTransforms).toEqual([scripted('louder')]);
});

test('what became of messages is told, with the time that each took', async () => {
  await open(scripted('sieve'));
  events.take();
  await harness.publish(orders, 'chaff', 'soup', 'bread');
  expect(events.take('topicTransformed')).toEqual([
    ['topicTransformed', orders, 'filtered', 1, 0],
    ['topicTransformed', orders, 'success', 2, 0],
  ]);
});

test('the chain of a topic is closed when its key is revoked and when it is deleted', async () => {
  const key = await harness.createKey();
  const messageTransforms = [scripted('louder')];
  const sealed = await harness.createTopic('sealed', { kmsKeyName: key.name, messageTransforms });
  await harness.publish(sealed, 'soup');
  expect(engine.openCount).toBe(1);
  await harness.setKeyEnabled(key.version, false);
  expect(engine.openCount).toBe(0);
  await harness.setKeyEnabled(key.version, true);
  await harness.publish(sealed, 'bread');
  expect(engine.openCount).toBe(1);
  await harness.until(harness.broker.deleteTopic(sealed));
  expect(engine.openCount).toBe(0);
});
