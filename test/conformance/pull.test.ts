import { describe, expect, test } from 'vitest';

import { freshId, liveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badArgument, badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();
const grpc = liveGrpc(live);
const minuteMs = 60_000;

describe.each(wireNames)('Pull over %s', (wire) => {
  const api = liveApi(live, wire);

  test('a message has an ack id, its id and its time; empty fields are absent, delivery_attempt too', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const [messageId] = await api.publish(topic, 'x');
    const answer = await api.call('Pull', { subscription, maxMessages: 5 });
    expect(answer).toEqual({
      receivedMessages: [
        {
          ackId: expect.stringMatching(/^[A-Za-z0-9_-]{20,164}$/),
          message: {
            data: 'eA==',
            messageId,
            publishTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/),
          },
        },
      ],
    });
  });

  test.each([0, -1])('max_messages "Must be a positive integer": %i', async (maxMessages) => {
    const subscription = await api.subscription(await api.topic());
    expect(await api.refusal('Pull', { subscription, maxMessages })).toEqual(
      badArgument('max_messages'),
    );
  });

  test('"The Pub/Sub system may return fewer than the number specified", never more', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'a', 'b', 'c');
    expect((await api.pullOnce(subscription, 2)).length).toBeLessThanOrEqual(2);
    expect((await api.pull(subscription, 1)).length).toBe(1);
  });

  test('more than 1,000 are asked for: at most 1,000 come', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const texts = Array.from({ length: 700 }, () => 'x');
    await api.publish(topic, ...texts);
    await api.publish(topic, ...texts);
    const pulled = await api.pullOnce(subscription, 5000);
    expect(pulled.length).toBeGreaterThan(0);
    expect(pulled.length).toBeLessThanOrEqual(1000);
  });

  test('return_immediately answers at once, "The list will be empty if there are no more messages"', async () => {
    const subscription = await api.subscription(await api.topic());
    const request = { subscription, maxMessages: 1, returnImmediately: true };
    expect(await api.call('Pull', request)).toEqual({});
  });

  test('otherwise it "may wait (for a bounded amount of time) until at least one message is available"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const waiting = api.pull(subscription, 1);
    await api.publish(topic, 'late');
    expect((await waiting).map(textOf)).toEqual(['late']);
  });

  test('the wait ends within the 60 s that clients allow, with an empty answer and no error', async () => {
    const subscription = await api.subscription(await api.topic());
    const waiting = api.call('Pull', { subscription, maxMessages: 1 });
    // Answered behind the pull on the same connection, so that the jump falls into its wait.
    await waitForPull(subscription);
    await live.pass(55_000);
    expect(await waiting).toEqual({});
  });

  async function untilUndelivered(subscription: string, count: number): Promise<void> {
    const id = subscription.split('/').at(-1)!;
    const line = new RegExp(
      `^pubsub_subscription_num_undelivered_messages\\{.*subscription_id="${id}".*\\} ${count}$`,
      'm',
    );
    while (!line.test(await live.metrics())) {
      // The next scrape tells.
    }
  }

  /** A second pull that was answered shows that the first is waiting. */
  async function waitForPull(subscription: string): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      await api.call('Pull', { subscription, maxMessages: 1, returnImmediately: true });
    }
  }

  test('delivery_attempt "is 1 + (number of NACKs) + (number of ack_deadline exceeds)", "If a DeadLetterPolicy is not set on the subscription, this will be 0"', async () => {
    const topic = await api.topic();
    const deadLetterPolicy = { deadLetterTopic: await api.topic() };
    const subscription = await api.subscription(topic, { deadLetterPolicy });
    await api.publish(topic, 'x');
    const [first] = await api.pull(subscription, 1);
    const nack = { subscription, ackIds: [first!.ackId], ackDeadlineSeconds: 0 };
    await api.call('ModifyAckDeadline', nack);
    const [second] = await api.pull(subscription, 1);
    await live.pass(11_000);
    const [third] = await api.pull(subscription, 1);
    expect([first, second, third].map((each) => each!.deliveryAttempt)).toEqual([1, 2, 3]);
    const updateMask = 'deadLetterPolicy';
    await api.call('UpdateSubscription', { subscription: { name: subscription }, updateMask });
    await live.pass(11_000);
    const [bare] = await api.pull(subscription, 1);
    expect(bare).not.toHaveProperty('deliveryAttempt');
  });

  test('what is outstanding is not given twice', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'once');
    await api.pull(subscription, 1);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('"If the subscriber never acknowledges the message, the Pub/Sub system will eventually redeliver": at the deadline, with a new ack id', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 20 });
    const [id] = await api.publish(topic, 'again');
    const [first] = await api.pull(subscription, 1);
    await live.pass(19_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
    await live.pass(2_000);
    const [second] = await api.pull(subscription, 1);
    expect(second?.message.messageId).toBe(id);
    expect(second?.message).toEqual(first?.message);
    expect(second?.ackId).not.toBe(first?.ackId);
    expect(second).not.toHaveProperty('deliveryAttempt');
  });

  test('a message that is being redelivered goes to one of two pulls', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'one');
    const answers = await Promise.all([api.pullOnce(subscription), api.pullOnce(subscription)]);
    expect(answers.flat().map(textOf)).toEqual(['one']);
  });

  test('messages beyond one answer come with the next: 1.5 MB are more than one', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const text = 'z'.repeat(300_000);
    for (let n = 0; n < 5; n++) await api.publish(topic, text);
    const pulled = await api.pull(subscription, 5);
    expect(pulled.every((each) => textOf(each) === text)).toBe(true);
    await api.acknowledge(subscription, pulled);
  });

  test('"Messages older than the subscription\'s retention are dropped", acknowledged or not', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { messageRetentionDuration: '600s' });
    const keeper = await api.subscription(topic, { messageRetentionDuration: '1200s' });
    await api.publish(topic, 'old');
    await live.pass(11 * minuteMs);
    // Retention is swept every few seconds: what is over it counts until then.
    await untilUndelivered(subscription, 0);
    await api.publish(topic, 'young');
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['young']);
    expect(await api.pullOnce(subscription)).toEqual([]);
    expect((await api.pull(keeper, 2)).map(textOf).toSorted()).toEqual(['old', 'young']);
  });

  test('retain_acked_messages does not deliver again what was acknowledged', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { retainAckedMessages: true });
    await api.publish(topic, 'done');
    await api.acknowledge(subscription, await api.pull(subscription, 1));
    await live.pass(minuteMs);
    expect(await api.pullOnce(subscription)).toEqual([]);
    await live.restart();
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a subscription that nobody reads does not slow the others', async () => {
    const topic = await api.topic();
    const idle = await api.subscription(topic);
    const readers = [];
    for (let n = 0; n < 8; n++) readers.push(await api.subscription(topic));
    const texts = Array.from({ length: 100 }, (_, index) => `m${index}`);
    const stuck = grpc.stream({ subscription: idle, streamAckDeadlineSeconds: 600 });
    await stuck.until(({ responses }) => responses.length > 0);
    stuck.pause();
    await api.publish(topic, ...texts);
    const all = await Promise.all(readers.map((reader) => api.pull(reader, 100)));
    for (const pulled of all) expect(pulled.map(textOf).toSorted()).toEqual(texts.toSorted());
    stuck.resume();
    stuck.cancel();
    await stuck.ended;
    // Behind the cancel on the same connection, so that the jump comes after it.
    await grpc.call('GetTopic', { topic });
    await live.pass(11 * minuteMs);
    expect((await api.pull(idle, 100)).length).toBe(100);
  });

  test('a missing subscription is NOT_FOUND', async () => {
    const id = freshId('missing');
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('Pull', { subscription, maxMessages: 1 })).toEqual(
      invalidName(subscription),
    );
  });
});
