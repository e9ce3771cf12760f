import { describe, expect, test } from 'vitest';

import {
  BrokerHarness,
  receivedOf,
  subscriptionDefaults,
  textMessage,
  topicName,
} from '../../test/support/broker-harness.ts';
import { EventRecorder } from '../../test/support/event-recorder.ts';
import { sealableMessage } from './index.ts';

interface Bench {
  readonly harness: BrokerHarness;
  readonly recorder: EventRecorder;
  readonly topic: string;
  readonly subscription: string;
}

async function open(): Promise<Bench> {
  const recorder = new EventRecorder();
  const harness = await BrokerHarness.open({ observer: recorder.observer });
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  recorder.take();
  return { harness, recorder, topic, subscription };
}

describe('publish', () => {
  test('tells the size of each message, and whether it was ordered', async () => {
    const { harness, recorder, topic } = await open();
    const messages = ['a', 'abc'].map(textMessage);
    await harness.until(harness.broker.publish(topic, messages));
    const messageBytes = messages.map(({ bytes }) => bytes.length);
    expect(messageBytes[1]).toBe(messageBytes[0]! + 2);
    expect(recorder.take('publish')).toEqual([
      ['publish', topic, 'OK', { messageBytes, hasOrdering: false }, expect.any(Number)],
    ]);
    const data = Buffer.from('a');
    const ordered = sealableMessage({ data, attributes: [], orderingKey: 'k' });
    await harness.until(harness.broker.publish(topic, [ordered]));
    expect(recorder.take('publish')).toMatchObject([
      ['publish', topic, 'OK', { messageBytes: [ordered.bytes.length], hasOrdering: true }, 0],
    ]);
    await harness.close();
  });

  test('that was refused brought nothing', async () => {
    const { harness, recorder } = await open();
    const publishing = harness.broker.publish(topicName('gone'), [textMessage('a')]);
    await expect(publishing).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(recorder.take('publish')).toMatchObject([
      ['publish', topicName('gone'), 'NOT_FOUND', { messageBytes: [], hasOrdering: false }, 0],
    ]);
    await harness.close();
  });
});

test('every change of a topic or subscription is told, and every refusal', async () => {
  const { harness, recorder, topic, subscription } = await open();
  const { broker } = harness;
  const row = { ...subscriptionDefaults, name: subscription, topic };
  const changes = [
    broker.createTopic({ name: topic, labels: {} }),
    broker.updateTopic(topic, (stored) => ({ ...stored, labels: { a: 'b' } }), ['labels']),
    broker.createSubscription(row),
    broker.updateSubscription(subscription, (stored) => stored, ['labels']),
    broker.modifyPushConfig(subscription, undefined),
    broker.deleteSubscription(subscription),
    broker.deleteSubscription(subscription),
    broker.deleteTopic(topic),
    broker.deleteTopic(topic),
  ];
  await harness.until(Promise.allSettled(changes));
  const told = recorder.take('topicConfig', 'subscriptionConfig');
  // What is refused without a look at the disk is told first.
  expect(told.map((event) => event.join(' ')).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    `subscriptionConfig ${subscription} create ALREADY_EXISTS`,
    `subscriptionConfig ${subscription} delete NOT_FOUND`,
    `subscriptionConfig ${subscription} delete OK`,
    `subscriptionConfig ${subscription} update OK`,
    `subscriptionConfig ${subscription} update OK`,
    `topicConfig ${topic} create ALREADY_EXISTS`,
    `topicConfig ${topic} delete NOT_FOUND`,
    `topicConfig ${topic} delete OK`,
    `topicConfig ${topic} update OK`,
  ]);
  await harness.close();
});

describe('requests to acknowledge and to modify deadlines', () => {
  test('are told by the way they came, and how they ended', async () => {
    const { harness, recorder, subscription } = await open();
    const { broker } = harness;
    await harness.acknowledge(subscription, []);
    await expect(broker.acknowledge(subscription, ['bad'])).rejects.toThrow('ack_id=bad');
    await harness.until(broker.acknowledgeEach(subscription, ['bad']));
    broker.streamAcknowledge(subscription, ['bad']);
    broker.streamAcknowledge(subscription, []);
    broker.streamAcknowledge('projects/p/subscriptions/gone', ['bad']);
    expect(recorder.take('ackRequest').map(([, ...rest]) => rest)).toEqual([
      [subscription, 'pull', 'OK'],
      [subscription, 'pull', 'INVALID_ARGUMENT'],
      [subscription, 'streaming pull', 'OK'],
      [subscription, 'streaming pull', 'OK'],
      ['projects/p/subscriptions/gone', 'streaming pull', 'NOT_FOUND'],
    ]);
    await broker.modifyAckDeadline(subscription, [], 10);
    await expect(broker.modifyAckDeadline(subscription, ['bad'], 0)).rejects.toThrow('ack_id=bad');
    await broker.modifyAckDeadlineEach(subscription, ['bad'], 0);
    broker.streamModifyAckDeadline(subscription, ['bad'], [0]);
    broker.streamModifyAckDeadline(subscription, [], []);
    expect(recorder.take('modAckRequest').map(([, ...rest]) => rest)).toEqual([
      [subscription, 'pull', 'OK'],
      [subscription, 'pull', 'INVALID_ARGUMENT'],
      [subscription, 'streaming pull', 'OK'],
      [subscription, 'streaming pull', 'OK'],
    ]);
    await harness.close();
  });
});

describe('messages', () => {
  const names = ['delivered', 'acked', 'modAcked', 'nacked', 'expired'] as const;

  test('are told once for each batch, by the way they were delivered', async () => {
    const { harness, recorder, topic, subscription } = await open();
    await harness.publish(topic, 'one', 'two', 'three');
    const pulled = await harness.pull(subscription);
    expect(recorder.take(...names)).toEqual([['delivered', subscription, 'pull', 3]]);
    await harness.clock.advance(500);
    const [one, two, three] = pulled.map(({ ackId }) => ackId);
    await harness.acknowledge(subscription, [one!, two!]);
    await harness.until(harness.broker.modifyAckDeadline(subscription, [three!], 30));
    await harness.openStream(subscription);
    await harness.until(harness.broker.modifyAckDeadline(subscription, [three!], 0));
    await harness.clock.settle();
    expect(recorder.take(...names)).toEqual([
      ['acked', subscription, 'pull', [500, 500], 0],
      ['modAcked', subscription, 'pull', 1],
      ['nacked', subscription, 'pull', 1],
      ['delivered', subscription, 'streaming pull', 1],
    ]);
    await harness.close();
  });

  test('that came on several ways are told way by way, whichever way the ack comes', async () => {
    const { harness, recorder, topic, subscription } = await open();
    await harness.publish(topic, 'one', 'two');
    const [one] = await harness.pull(subscription, 1);
    const probe = await harness.openStream(subscription);
    await harness.clock.advance(250);
    recorder.take();
    harness.broker.streamAcknowledge(subscription, [one!.ackId, probe.received[0]!.ackId]);
    expect(recorder.take(...names)).toEqual([
      ['acked', subscription, 'pull', [250], 0],
      ['acked', subscription, 'streaming pull', [250], 0],
    ]);
    await harness.close();
  });

  test('whose deadlines pass together are told together, and acked late from their delivery', async () => {
    const { harness, recorder, topic, subscription } = await open();
    await harness.publish(topic, ...Array.from({ length: 50 }, (_, i) => `text ${i}`));
    const [first] = await harness.pull(subscription);
    recorder.take();
    await harness.clock.advance(11_000);
    expect(recorder.take(...names)).toEqual([['expired', subscription, 'pull', 50]]);
    const acks = harness.broker.acknowledgeEach(subscription, [first!.ackId]);
    expect(await harness.until(acks)).toEqual(['done']);
    expect(recorder.take(...names)).toEqual([['acked', subscription, 'pull', [11_000], 0]]);
    await harness.close();
  });

  test('that are given back on purpose do not expire', async () => {
    const { harness, recorder, topic, subscription } = await open();
    await harness.publish(topic, 'one');
    const [one] = await harness.pull(subscription);
    await harness.until(harness.broker.modifyAckDeadlineEach(subscription, [one!.ackId], 0));
    await harness.clock.advance(20_000);
    expect(recorder.take('expired', 'nacked')).toEqual([['nacked', subscription, 'pull', 1]]);
    await harness.close();
  });

  test('that one request gives back twice are told once', async () => {
    const { harness, recorder, topic, subscription } = await open();
    await harness.publish(topic, 'one', 'two');
    const [one, two] = (await harness.pull(subscription)).map(({ ackId }) => ackId);
    recorder.take();
    const ids = [one!, one!, two!];
    await harness.until(harness.broker.modifyAckDeadline(subscription, ids, 0));
    expect(recorder.take(...names)).toEqual([['nacked', subscription, 'pull', 2]]);
    await harness.close();
  });

  test('that were delivered before a restart have no latency', async () => {
    const { harness, recorder, topic, subscription } = await open();
    await harness.publish(topic, 'one', 'two');
    const [one, two] = await harness.pull(subscription);
    await harness.clock.advance(400);
    await harness.restart();
    recorder.take();
    await harness.acknowledge(subscription, [one!.ackId]);
    expect(recorder.take(...names)).toEqual([['acked', subscription, 'pull', [], 1]]);
    // Delivered again, it has one, whatever id it is acknowledged by.
    const [again] = await harness.pull(subscription);
    expect(again?.text).toBe('two');
    await harness.clock.advance(100);
    recorder.take();
    await harness.acknowledge(subscription, [two!.ackId, again!.ackId]);
    expect(recorder.take(...names)).toEqual([['acked', subscription, 'pull', [100], 0]]);
    await harness.close();
  });
});

describe('settling one by one', () => {
  test('does what can be done, and says of each id what became of it', async () => {
    const { harness, topic, subscription } = await open();
    const { broker } = harness;
    await harness.publish(topic, 'one', 'two', 'three');
    const [one, two, three] = (await harness.pull(subscription)).map(({ ackId }) => ackId);
    const ids = [one!, 'bad', two!, one!];
    expect(await harness.until(broker.acknowledgeEach(subscription, ids))).toEqual([
      'done',
      'invalid',
      'done',
      'done',
    ]);
    const moved = broker.modifyAckDeadlineEach(subscription, ['bad', three!, one!], 60);
    expect(await harness.until(moved)).toEqual(['invalid', 'done', 'expired']);
    await harness.clock.advance(50_000);
    expect(await harness.pull(subscription)).toEqual([]);
    await harness.clock.advance(11_000);
    const late = broker.modifyAckDeadlineEach(subscription, [three!], 60);
    expect(await harness.until(late)).toEqual(['expired']);
    const [again] = await harness.pull(subscription);
    expect(again?.text).toBe('three');
    const stale = broker.modifyAckDeadlineEach(subscription, [three!], 0);
    expect(await harness.until(stale)).toEqual(['expired']);
    // An ack of the earlier delivery counts, and the later one's finds it done.
    expect(await harness.until(broker.acknowledgeEach(subscription, [three!]))).toEqual(['done']);
    const repeated = broker.acknowledgeEach(subscription, [again!.ackId]);
    expect(await harness.until(repeated)).toEqual(['done']);
    expect((await broker.backlogs())[0]).toMatchObject({ unackedCount: 0 });
    await harness.close();
  });

  test('is durable when it is answered', async () => {
    const { harness, topic, subscription } = await open();
    await harness.publish(topic, 'one', 'two');
    const [one] = await harness.pull(subscription);
    await harness.until(harness.broker.acknowledgeEach(subscription, [one!.ackId, 'bad']));
    await harness.restart();
    expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['two']);
    await harness.close();
  });

  test('rejects, with the storage, what could not be made durable', async () => {
    const { harness, topic, subscription } = await open();
    await harness.publish(topic, 'one');
    const [one] = await harness.pull(subscription);
    harness.faults.next('io');
    const acks = harness.until(harness.broker.acknowledgeEach(subscription, [one!.ackId]));
    await expect(acks).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await harness.close();
  });

  test('is refused once the subscription is gone', async () => {
    const { harness, subscription } = await open();
    const { broker } = harness;
    await harness.until(broker.deleteSubscription(subscription));
    const gone = { code: 'NOT_FOUND' };
    await expect(broker.acknowledgeEach(subscription, [])).rejects.toMatchObject(gone);
    await expect(broker.modifyAckDeadlineEach(subscription, [], 0)).rejects.toMatchObject(gone);
    await harness.close();
  });
});

test('a stream that takes many small batches tells each batch once', async () => {
  const { harness, recorder, topic, subscription } = await open();
  const probe = await harness.openStream(subscription);
  recorder.take();
  for (let i = 0; i < 5; i++) await harness.publish(topic, 'a', 'b', 'c');
  await harness.clock.settle();
  expect(recorder.take('delivered')).toEqual(
    Array.from({ length: 5 }, () => ['delivered', subscription, 'streaming pull', 3]),
  );
  expect(receivedOf(probe.received)).toHaveLength(15);
  await harness.close();
});
