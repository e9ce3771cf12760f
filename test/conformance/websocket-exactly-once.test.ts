import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connect, type Client, type Message } from '../../src/client/index.ts';
import { FrameClient, subprotocols } from '../support/frame-client.ts';
import { base64, liveApi, textOf, type Pulled } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const api = liveApi(live, 'REST', 'websocket-exactly-once');
const exactlyOnce = { enableExactlyOnceDelivery: true, enableMessageOrdering: true };
const ackIdsOf = (pulled: readonly Pulled[]): string[] => pulled.map(({ ackId }) => ackId);

/** A topic and its subscription, with messages of one ordering key. */
async function keyed(
  texts: readonly string[],
  more: Record<string, unknown> = exactlyOnce,
): Promise<string> {
  const topic = await api.topic();
  const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600, ...more });
  const messages = texts.map((text) => ({ data: base64(text), orderingKey: 'k' }));
  await api.call('Publish', { topic, messages });
  return subscription;
}

describe.each(subprotocols)('an exactly-once subscription over %s', (subprotocol) => {
  let client: FrameClient;

  beforeAll(async () => {
    client = await FrameClient.hello(live, subprotocol);
  });
  afterAll(() => client.close());

  async function subscribe(subscription: string): Promise<{ id: number; subscribed: unknown }> {
    const id = client.post({ subscribe: { subscription } });
    const { subscribed } = await client.take((frame) => frame.id === String(id));
    return { id, subscribed };
  }

  const acknowledge = async (stream: number, ackIds: readonly string[]): Promise<unknown> => {
    const { settled } = await client.request({ acknowledge: { stream, ackIds: [...ackIds] } });
    return (settled as { results: string[] }).results;
  };

  test('says so when the stream is opened', async () => {
    const { subscribed } = await subscribe(await keyed(['a']));
    expect(subscribed).toMatchObject({
      exactlyOnceDeliveryEnabled: true,
      messageOrderingEnabled: true,
    });
    const plain = await subscribe(await keyed(['a'], {}));
    expect(plain.subscribed).not.toHaveProperty('exactlyOnceDeliveryEnabled');
    expect(plain.subscribed).not.toHaveProperty('messageOrderingEnabled');
  });

  test('answers each ack: DONE, again DONE, UNORDERED, INVALID, and EXPIRED after its lease', async () => {
    const { id } = await subscribe(await keyed(['1', '2', '3']));
    const received = await client.receive(id, 3);
    expect(received.map(textOf)).toEqual(['1', '2', '3']);
    const [first, second, third] = ackIdsOf(received) as [string, string, string];
    expect(await acknowledge(id, [third, 'no ack id'])).toEqual(['UNORDERED', 'INVALID']);
    expect(await acknowledge(id, [first])).toEqual(['DONE']);
    expect(await acknowledge(id, [first, second])).toEqual(['DONE', 'DONE']);
    const deadline = { stream: id, ackIds: [third], ackDeadlineSeconds: 0 };
    expect((await client.request({ modifyAckDeadline: deadline }))['settled']).toEqual({
      results: ['DONE'],
    });
    expect(await acknowledge(id, [third])).toEqual(['EXPIRED']);
    const [again] = await client.receive(id, 1);
    expect(textOf(again!)).toBe('3');
    expect(await acknowledge(id, ackIdsOf([again!]))).toEqual(['DONE']);
  });

  test('deliveryAttempt counts where there is a dead letter policy', async () => {
    const deadLetterTopic = await api.topic();
    const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts: 10 };
    const { id } = await subscribe(await keyed(['a'], { deadLetterPolicy }));
    const [first] = await client.receive(id, 1);
    expect(first).toMatchObject({ deliveryAttempt: 1 });
    const deadline = { stream: id, ackIds: [first!.ackId], ackDeadlineSeconds: 0 };
    await client.request({ modifyAckDeadline: deadline });
    const [second] = await client.receive(id, 1);
    expect(second).toMatchObject({ deliveryAttempt: 2 });
  });
});

describe.each<'proto' | 'json'>(['proto', 'json'])('our client over %s', (protocol) => {
  let client: Client;

  beforeAll(() => {
    client = connect(live.url, { protocol });
  });
  afterAll(() => client.close());

  test('acknowledges in any order on an exactly-once subscription: what is early waits for its turn', async () => {
    const subscription = client.subscribe(await keyed(['1', '2', '3']));
    const messages: Message[] = [];
    for await (const message of subscription) {
      messages.push(message);
      if (messages.length < 3) continue;
      expect([subscription.isExactlyOnce, subscription.isOrdered]).toEqual([true, true]);
      const results = messages.toReversed().map((each) => each.ack());
      expect(await Promise.all(results)).toEqual(['done', 'done', 'done']);
      break;
    }
    expect(messages.map((each) => each.text())).toEqual(['1', '2', '3']);
    live.clock.jump(700_000);
    expect(await api.pullOnce(subscription.name)).toEqual([]);
  });

  test('publishes each ordering key in order, and goes on with a key that was resumed', async () => {
    const topic = await api.topic();
    const more = { enableMessageOrdering: true, ackDeadlineSeconds: 600 };
    const name = await api.subscription(topic, more);
    const missing = api.topicName('nowhere');
    await expect(client.publish(missing, { data: 'x', orderingKey: 'k' })).rejects.toMatchObject({
      status: 'NOT_FOUND',
    });
    const behind = client.publish(missing, { data: 'y', orderingKey: 'k' });
    await expect(behind).rejects.toMatchObject({ reason: 'ORDERING_KEY_STOPPED' });
    client.resumePublishing(missing, 'k');
    await expect(client.publish(missing, { data: 'z', orderingKey: 'k' })).rejects.toMatchObject({
      status: 'NOT_FOUND',
    });
    const sent = Array.from({ length: 300 }, (_, n) =>
      client.publish(topic, { data: String(n), orderingKey: `k${n % 3}` }),
    );
    await Promise.all(sent);
    const byKey = new Map<string, number[]>();
    let count = 0;
    for await (const message of client.subscribe(name)) {
      const seen = byKey.get(message.orderingKey) ?? [];
      byKey.set(message.orderingKey, [...seen, Number(message.text())]);
      void message.ack();
      if (++count === 300) break;
    }
    for (const [key, numbers] of byKey) {
      const of = Number(key.slice(1));
      expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => of + 3 * n));
    }
  });
});
