import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { FrameClient, subprotocols } from '../support/frame-client.ts';
import { freshId, liveApi, textOf, type Pulled } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useLiveServer();
const ackIdsOf = (pulled: readonly Pulled[]): string[] => pulled.map(({ ackId }) => ackId);

describe.each(subprotocols)('subscribe over %s', (subprotocol) => {
  const api = liveApi(live, 'REST');
  let client: FrameClient;

  beforeAll(async () => {
    client = await FrameClient.hello(live, subprotocol);
  });
  afterAll(() => client.close());

  /** A stream on a new subscription of a new topic; leases long enough for a slow machine. */
  async function stream(more: Record<string, number> = {}): Promise<{
    readonly id: number;
    readonly topic: string;
    readonly subscription: string;
    readonly subscribed: unknown;
  }> {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
    const id = client.post({ subscribe: { subscription, ...more } });
    const { subscribed } = await client.take((frame) => frame.id === String(id));
    return { id, topic, subscription, subscribed };
  }

  test('the answer says what the stream has: the subscription’s own, or what was asked', async () => {
    const { subscription, subscribed } = await stream();
    expect(subscribed).toEqual({
      subscription,
      ackDeadlineSeconds: 600,
      maxOutstandingMessages: '10000',
      maxOutstandingBytes: '67108864',
    });
    const asked = { ackDeadlineSeconds: 20, maxOutstandingMessages: 5, maxOutstandingBytes: 999 };
    expect((await stream(asked)).subscribed).toMatchObject({
      ackDeadlineSeconds: 20,
      maxOutstandingMessages: '5',
      maxOutstandingBytes: '999',
    });
  });

  test('messages come with sequences 1, 2, …, as Pull gives them, and are acknowledged each', async () => {
    const { id, topic, subscription } = await stream();
    const messageIds = await api.publish(topic, 'a', 'b');
    const first = await client.receive(id, 2);
    messageIds.push(...(await api.publish(topic, 'c')));
    const { deliver } = await client.take(
      (frame) => frame.id === String(id) && frame.deliver !== undefined,
    );
    expect(Number(deliver?.sequence)).toBeGreaterThan(1);
    const received = [...first, ...deliver!.receivedMessages];
    expect(received.map(textOf).toSorted()).toEqual(['a', 'b', 'c']);
    expect(received.map(({ message }) => message.messageId).toSorted()).toEqual(
      messageIds.toSorted(),
    );
    for (const each of received) expect(each).not.toHaveProperty('deliveryAttempt');
    const [stale] = ackIdsOf(received);
    const ackIds = [...ackIdsOf(received), 'no ack id', stale!];
    const { settled } = await client.request({ acknowledge: { stream: id, ackIds } });
    expect(settled).toEqual({ results: ['DONE', 'DONE', 'DONE', 'INVALID', 'DONE'] });
    await client.request({ unsubscribe: { stream: id } });
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a deadline of 0 gives back, and the message comes again with a new ack id', async () => {
    const { id, topic } = await stream();
    await api.publish(topic, 'again');
    const [former] = await client.receive(id, 1);
    const give = { stream: id, ackIds: [former!.ackId], ackDeadlineSeconds: 0 };
    expect((await client.request({ modifyAckDeadline: give }))['settled']).toEqual({
      results: ['DONE'],
    });
    const [later] = await client.receive(id, 1);
    expect(textOf(later!)).toBe('again');
    expect(later!.ackId).not.toBe(former!.ackId);
    const extend = { ...give, ackDeadlineSeconds: 600 };
    expect((await client.request({ modifyAckDeadline: extend }))['settled']).toEqual({
      results: ['EXPIRED'],
    });
    const both = { ...extend, ackIds: [former!.ackId, later!.ackId, '?'] };
    expect((await client.request({ modifyAckDeadline: both }))['settled']).toEqual({
      results: ['EXPIRED', 'DONE', 'INVALID'],
    });
  });

  test('acknowledge without id is not answered, and counts all the same', async () => {
    const { id, topic, subscription } = await stream({ maxOutstandingMessages: 1 });
    await api.publish(topic, 'a', 'b');
    const [first] = await client.receive(id, 1);
    client.send({ acknowledge: { stream: id, ackIds: [first!.ackId, 'no ack id'] } });
    // The window has room for one: the next comes because the first was acknowledged.
    const [second] = await client.receive(id, 1);
    expect([textOf(first!), textOf(second!)].toSorted()).toEqual(['a', 'b']);
    const { settled } = await client.request({
      acknowledge: { stream: id, ackIds: [second!.ackId] },
    });
    expect(settled).toEqual({ results: ['DONE'] });
    await client.request({ unsubscribe: { stream: id } });
    expect(await api.pullOnce(subscription)).toEqual([]);
    expect(client.left.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  test('what was delivered is settled after the stream is closed, too', async () => {
    const { id, topic, subscription } = await stream();
    await api.publish(topic, 'late');
    const received = await client.receive(id, 1);
    expect(await client.request({ unsubscribe: { stream: id } })).toHaveProperty('unsubscribed');
    await api.publish(topic, 'not for us');
    const { settled } = await client.request({
      acknowledge: { stream: id, ackIds: ackIdsOf(received) },
    });
    expect(settled).toEqual({ results: ['DONE'] });
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['not for us']);
    expect(client.left.filter((frame) => frame.id === String(id))).toEqual([]);
  });

  test('two streams of one connection get each their own', async () => {
    const one = await stream();
    const two = await stream();
    await api.publish(two.topic, 'two');
    await api.publish(one.topic, 'one');
    expect((await client.receive(one.id, 1)).map(textOf)).toEqual(['one']);
    expect((await client.receive(two.id, 1)).map(textOf)).toEqual(['two']);
  });

  test('an ephemeral subscription gets what is published from now on, and is gone with its stream', async () => {
    const topic = await api.topic();
    const kept = await api.subscription(topic);
    await api.publish(topic, 'before');
    const id = client.post({ subscribe: { topic, ackDeadlineSeconds: 600 } });
    const { subscribed } = await client.take((frame) => frame.id === String(id));
    expect(subscribed).toMatchObject({
      subscription: expect.stringMatching(
        /^projects\/live-rest\/subscriptions\/goog-ephemeral-[0-9a-f]{32}$/,
      ),
      ephemeral: true,
      ackDeadlineSeconds: 600,
    });
    await api.publish(topic, 'after');
    const received = await client.receive(id, 1);
    expect(received.map(textOf)).toEqual(['after']);
    const { settled } = await client.request({
      acknowledge: { stream: id, ackIds: ackIdsOf(received) },
    });
    expect(settled).toEqual({ results: ['DONE'] });
    const listed = await api.call<{ subscriptions: string[] }>('ListTopicSubscriptions', { topic });
    expect(listed.subscriptions).toEqual([kept]);
    await client.request({ unsubscribe: { stream: id } });
    const late = { stream: id, ackIds: ackIdsOf(received) };
    expect(await client.refusal({ acknowledge: late })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('the stream of a subscription that is deleted ends with NOT_FOUND; the session goes on', async () => {
    const { id, subscription } = await stream();
    await api.call('DeleteSubscription', { subscription });
    const { error } = await client.take((frame) => frame.id === String(id));
    expect(error).toMatchObject({ status: 'NOT_FOUND', reason: 'RESOURCE_NOT_FOUND' });
    expect(await client.request({ ping: {} })).toHaveProperty('pong');
  });

  test('names and places that are not there are refused by their id', async () => {
    const missing = freshId('none');
    const subscription = api.subscriptionName(missing);
    expect(await client.refusal({ subscribe: { subscription } })).toEqual({
      ...notFound(missing),
      reason: 'RESOURCE_NOT_FOUND',
    });
    expect(await client.refusal({ subscribe: { topic: api.topicName(missing) } })).toEqual({
      ...notFound(missing),
      reason: 'RESOURCE_NOT_FOUND',
    });
    expect(await client.refusal({ subscribe: { subscription: 'x' } })).toEqual({
      ...invalidName('x'),
      reason: 'INVALID_RESOURCE_NAME',
    });
    expect(await client.refusal({ acknowledge: { stream: 999_999, ackIds: ['a'] } })).toEqual({
      code: 'NOT_FOUND',
      reason: 'STREAM_NOT_FOUND',
      message: 'The session has no such stream.',
    });
    expect(await client.request({ unsubscribe: { stream: 999_999 } })).toHaveProperty(
      'unsubscribed',
    );
  });

  test('values beyond their range are refused by their id', async () => {
    const { id, subscription } = await stream();
    const deadline = { stream: id, ackIds: ['a'], ackDeadlineSeconds: 601 };
    expect(await client.refusal({ modifyAckDeadline: deadline })).toEqual({
      ...invalid(
        'Invalid ack deadline given (ack_deadline=601). The ack deadline must be between 0 and 600 seconds.',
      ),
      reason: 'INVALID_ACK_DEADLINE',
    });
    expect(await client.refusal({ subscribe: { subscription, ackDeadlineSeconds: 9 } })).toEqual({
      ...invalid(
        'Invalid ack deadline given (ack_deadline=9). The ack deadline must be between 10 and 600 seconds.',
      ),
      reason: 'INVALID_ACK_DEADLINE',
    });
    const none = { stream: id, ackIds: [] };
    expect(await client.refusal({ acknowledge: none })).toEqual({
      ...invalid(
        'The value for ack_id_count is too small. You passed 0 in the request, but the minimum value is 1.',
      ),
      reason: 'VALUE_TOO_SMALL',
    });
    const many = { stream: id, ackIds: Array.from({ length: 3_001 }, () => 'a') };
    expect(await client.refusal({ acknowledge: many })).toMatchObject({
      reason: 'VALUE_TOO_LARGE',
    });
  });
});
