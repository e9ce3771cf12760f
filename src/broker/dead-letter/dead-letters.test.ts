import { afterEach, describe, expect, test } from 'vitest';

import {
  BrokerHarness,
  subscriptionName,
  type HarnessOptions,
} from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { decodeMessage, sealableMessage } from '../wire/index.ts';
import type { Topic } from '../service.ts';

let harness: BrokerHarness;
let bench: DeadLetterBench;
let events: EventRecorder;

async function open(
  options: Parameters<typeof DeadLetterBench.open>[1] = {},
  more: HarnessOptions = {},
): Promise<void> {
  events = new EventRecorder();
  harness = await BrokerHarness.open({ observer: events.observer, ...more });
  bench = await DeadLetterBench.open(harness, options);
}

afterEach(async () => {
  await harness.close();
});

const prefix = 'CloudPubSubDeadLetterSource';
const forwarded = (): unknown[] => events.take('deadLettered');

describe('after max_delivery_attempts failed attempts the message is published to the dead letter topic', () => {
  test.each([5, 6, 99, 100])('%i', async (attempts) => {
    await open({ attempts });
    await harness.publish(bench.orders, 'soup');
    const rounds = await bench.refuse(attempts);
    expect(rounds.map((round) => round.map(({ deliveryAttempt }) => deliveryAttempt))).toEqual(
      Array.from({ length: attempts }, (_, n) => [n + 1]),
    );
    const [letter] = await bench.letters();
    expect(letter).toMatchObject({
      text: 'soup',
      attributes: { [`${prefix}DeliveryCount`]: String(attempts) },
    });
    expect(await bench.unacked()).toBe(0);
    expect(forwarded()).toEqual([['deadLettered', bench.kitchen, 'OK']]);
  });
});

test('the copy says which subscription gave up, of what project, and when it was published', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  const [[delivery] = []] = await bench.refuse(5);
  const time = new Date(delivery!.publishTimeMs).toISOString().replace('Z', '+00:00');
  const [letter] = await bench.letters();
  expect(letter?.attributes).toEqual({
    [`${prefix}DeliveryCount`]: '5',
    [`${prefix}Subscription`]: 'kitchen',
    [`${prefix}SubscriptionProject`]: 'sim-project',
    [`${prefix}TopicPublishTime`]: time,
  });
});

test('trap: delivery_attempt is told only with a dead letter policy, and counts from 1', async () => {
  await open();
  await harness.createSubscription('plain', bench.orders);
  await harness.publish(bench.orders, 'soup');
  const plain = await harness.pull(bench.kitchen.replace('kitchen', 'plain'));
  expect(plain.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([0]);
  const [first] = await bench.refuse(1);
  expect(first!.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1]);
  await bench.change('dead_letter_policy', {});
  const [without] = await bench.refuse(1);
  expect(without!.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([0]);
  // What failed meanwhile counts as well.
  const policy = { deadLetterTopic: bench.failed, maxDeliveryAttempts: 5 };
  await bench.change('dead_letter_policy', { deadLetterPolicy: policy });
  const [again] = await bench.refuse(1);
  expect(again!.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([3]);
});

test('an attempt is a nack or a deadline that passed, by whatever way the message came', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(2);
  expect(await harness.pull(bench.kitchen)).toHaveLength(1);
  await harness.clock.advance(11_000);
  const stream = await harness.openStream(bench.kitchen);
  expect(stream.take().map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([4]);
  await harness.clock.advance(11_000);
  expect(stream.take().map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([5]);
  await harness.clock.advance(11_000);
  expect(stream.take()).toEqual([]);
  stream.stream.close();
  expect(await bench.letters()).toMatchObject([
    { text: 'soup', attributes: { [`${prefix}DeliveryCount`]: '5' } },
  ]);
});

test('what was delivered but not failed so often stays', async () => {
  await open();
  await harness.publish(bench.orders, 'soup', 'salad');
  const [batch] = await bench.refuse(4);
  expect(batch).toHaveLength(2);
  expect(await bench.letters()).toEqual([]);
  expect(await bench.unacked()).toBe(2);
});

test('an ack that comes while a message is on its way wins, and nothing is left of it', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(4);
  const [last] = await harness.pull(bench.kitchen);
  const { broker } = harness;
  const nack = broker.modifyAckDeadline(bench.kitchen, [last!.ackId], 0);
  const ack = broker.acknowledge(bench.kitchen, [last!.ackId]);
  await harness.until(Promise.all([nack, ack]));
  await harness.clock.settle();
  expect(await bench.unacked()).toBe(0);
  expect(await bench.letters()).toEqual([]);
  expect(forwarded()).toEqual([]);
  await harness.clock.advance(60_000);
  expect(await harness.pull(bench.kitchen)).toEqual([]);
});

test('the ordering key is kept, and a message of the key that is given up lets the next through', async () => {
  await open({ kitchen: { enableMessageOrdering: true } });
  for (const text of ['one', 'two']) {
    const data = Buffer.from(text);
    const message = sealableMessage({ data, attributes: [], orderingKey: 'table-7' });
    await harness.until(harness.broker.publish(bench.orders, [message]));
  }
  for (let round = 0; round < 5; round++) {
    const batch = await harness.pull(bench.kitchen, 1);
    expect(batch.map(({ text }) => text)).toEqual(['one']);
    await bench.nack(batch);
  }
  expect(await bench.letters()).toMatchObject([{ text: 'one', orderingKey: 'table-7' }]);
  const next = await harness.pull(bench.kitchen);
  expect(next.map(({ text }) => text)).toEqual(['two']);
});

test('a message that is given up behind an unacknowledged one of its key is done with that one', async () => {
  await open({ kitchen: { enableMessageOrdering: true } });
  const ordered = (text: string): Parameters<typeof sealableMessage>[0] => ({
    data: Buffer.from(text),
    attributes: [],
    orderingKey: 'table-7',
  });
  const messages = ['one', 'two', 'three'].map((text) => sealableMessage(ordered(text)));
  await harness.until(harness.broker.publish(bench.orders, messages));
  const stream = await harness.openStream(bench.kitchen);
  const { broker } = harness;
  const first = stream.take();
  expect(first.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  let two = first[1]!;
  for (let failures = 0; failures < 5; failures++) {
    broker.streamModifyAckDeadline(bench.kitchen, [two.ackId], [0]);
    await harness.clock.settle();
    two = stream.take().find(({ text }) => text === 'two') ?? two;
  }
  expect((await bench.letters()).map(({ text }) => text)).toEqual(['two']);
  await harness.acknowledge(bench.kitchen, [first[0]!.ackId]);
  await harness.clock.settle();
  const rest = stream.take();
  expect(rest.map(({ text }) => text)).toEqual(['three']);
  await harness.acknowledge(bench.kitchen, [rest[0]!.ackId]);
  expect(await bench.unacked()).toBe(0);
  stream.stream.close();
});

test('100 attributes and 10 MB of data go through, beyond the limits of a publish', async () => {
  await open();
  const attributes = Array.from({ length: 100 }, (_, n): [string, string] => [`key-${n}`, 'v']);
  const data = Buffer.alloc(9_990_000, 'x');
  const message = sealableMessage({ data, attributes, orderingKey: '' });
  await harness.until(harness.broker.publish(bench.orders, [message]));
  await bench.refuse(5);
  const [letter] = await bench.letters();
  expect(letter?.text).toHaveLength(data.length);
  expect(Object.keys(letter?.attributes ?? {})).toHaveLength(104);
});

test('a policy that is added counts the failures so far, and one that is taken away ends it', async () => {
  await open({ attempts: null });
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(7);
  const policy = { deadLetterTopic: bench.failed, maxDeliveryAttempts: 5 };
  await bench.change('dead_letter_policy', { deadLetterPolicy: policy });
  // It is asked when the message fails the next time.
  expect(await bench.letters()).toEqual([]);
  const [round] = await bench.refuse(1);
  expect(round!.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([8]);
  expect(await bench.letters()).toMatchObject([
    { attributes: { [`${prefix}DeliveryCount`]: '8' } },
  ]);
  await harness.publish(bench.orders, 'salad');
  await bench.refuse(4);
  await bench.change('dead_letter_policy', {});
  expect(await bench.refuse(5)).toHaveLength(5);
  expect(await bench.letters()).toEqual([]);
  expect(await bench.unacked()).toBe(1);
});

test('a dead letter topic that is deleted keeps nothing back: the message stays, and redelivery goes on', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await harness.until(harness.broker.deleteTopic(bench.failed));
  const rounds = await bench.refuse(8);
  expect(rounds.map((round) => round.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  expect(forwarded()).toEqual(
    Array.from({ length: 4 }, () => ['deadLettered', bench.kitchen, 'NOT_FOUND']),
  );
  expect(await bench.unacked()).toBe(1);
  await harness.createTopic('failed');
  await harness.createSubscription('second-clerk', bench.failed);
  await bench.refuse(1);
  expect(await bench.unacked()).toBe(0);
  expect(await harness.pull(bench.clerk.replace('clerk', 'second-clerk'))).toHaveLength(1);
});

test('a store that fails keeps the message, and the next failure tries again', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(4);
  const [last] = await harness.pull(bench.kitchen);
  harness.faults.next('full');
  await bench.nack([last!]);
  expect(forwarded()).toEqual([['deadLettered', bench.kitchen, 'RESOURCE_EXHAUSTED']]);
  harness.dropFaults();
  await bench.refuse(1);
  expect(await bench.letters()).toHaveLength(1);
  expect(await bench.unacked()).toBe(0);
});

test('what a deleted topic left behind is forwarded all the same', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await harness.until(harness.broker.deleteTopic(bench.orders));
  await bench.refuse(5);
  expect(await bench.letters()).toMatchObject([{ text: 'soup' }]);
});

test('a filter on the dead letter topic sees where a copy comes from', async () => {
  await open();
  const filter = 'attributes.CloudPubSubDeadLetterSourceSubscription = "kitchen"';
  await harness.createSubscription('of-kitchen', bench.failed, { filter });
  const none = 'attributes.CloudPubSubDeadLetterSourceSubscription = "bar"';
  await harness.createSubscription('of-bar', bench.failed, { filter: none });
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(5);
  expect(await harness.pull(subscriptionName('of-kitchen'))).toHaveLength(1);
  expect(await harness.pull(subscriptionName('of-bar'))).toEqual([]);
});

test('a copy is not stored where the storage policy of the dead letter topic does not let it', async () => {
  await open({}, { region: 'europe-west3' });
  await harness.publish(bench.orders, 'soup');
  const messageStoragePolicy = {
    allowedPersistenceRegions: ['us-east1'],
    enforceInTransit: false,
  };
  const change = (stored: Topic): Topic => ({ ...stored, messageStoragePolicy });
  const update = harness.broker.updateTopic(bench.failed, change, ['message_storage_policy']);
  await harness.until(update);
  await bench.refuse(5);
  expect(forwarded()).toEqual([['deadLettered', bench.kitchen, 'FAILED_PRECONDITION']]);
  expect(await bench.unacked()).toBe(1);
});

test('a dead letter topic may have dead letters of its own, and the last origin is told', async () => {
  await open();
  const worst = await harness.createTopic('worst');
  await harness.createSubscription('archive', worst);
  const policy = { deadLetterTopic: worst, maxDeliveryAttempts: 6 };
  await harness.createSubscription('second', bench.failed, { deadLetterPolicy: policy });
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(5);
  for (let failures = 0; failures < 6; failures++) {
    const ackIds = (await harness.pull(subscriptionName('second'))).map(({ ackId }) => ackId);
    const nack = harness.broker.modifyAckDeadline(subscriptionName('second'), ackIds, 0);
    await harness.until(nack);
    await harness.clock.settle();
  }
  const [copy] = await harness.pull(subscriptionName('archive'));
  const { attributes } = decodeMessage(copy!.bytes);
  expect(Object.fromEntries(attributes)).toMatchObject({
    [`${prefix}DeliveryCount`]: '6',
    [`${prefix}Subscription`]: 'second',
  });
  expect(attributes).toHaveLength(4);
});

test('a forward is a publish to the dead letter topic, and is counted as one', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  events.take();
  await bench.refuse(5);
  const published = events.take('publish');
  expect(published.map(([, topic, code]) => [topic, code])).toEqual([[bench.failed, 'OK']]);
});

test('a drain acknowledges what is on its way, so that it does not come again', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(4);
  const [last] = await harness.pull(bench.kitchen);
  const { broker } = harness;
  await broker.modifyAckDeadline(bench.kitchen, [last!.ackId], 0);
  await harness.until(broker.drain());
  await harness.restart();
  expect(await bench.unacked()).toBe(0);
  expect(await bench.letters()).toHaveLength(1);
});
