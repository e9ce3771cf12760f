import { describe, expect, test } from 'vitest';

import type { StreamClient, StreamRequest } from '../support/stream-client.ts';
import { freshId, LiveApi, liveGrpc } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';

const live = useTestedServer();
const grpc = liveGrpc(live);
const api = new LiveApi(grpc, `projects/streams${live.projectSuffix}`);
const minuteMs = 60_000;

const open = (subscription: string, more: StreamRequest = {}): StreamClient =>
  grpc.stream({ subscription, streamAckDeadlineSeconds: 60, ...more });

/** Everything that the server sent before it answered this has come when it resolves. */
async function roundTrip(stream: StreamClient): Promise<void> {
  const answers = (): number =>
    stream.responses.filter(({ receivedMessages }) => receivedMessages.length === 0).length;
  await stream.until(() => answers() > 0);
  const before = answers();
  stream.send({});
  await stream.until(() => answers() > before);
}

const ackIdsOf = (stream: StreamClient): string[] => stream.messages.map(({ ackId }) => ackId);
const properties = { exactlyOnceDeliveryEnabled: false, messageOrderingEnabled: false };

describe('responses', () => {
  test('the initial response carries subscription_properties and no message', async () => {
    const stream = open(await api.subscription(await api.topic()));
    await stream.until(({ responses }) => responses.length === 1);
    expect(stream.responses[0]).toMatchObject({
      receivedMessages: [],
      subscriptionProperties: properties,
    });
    expect(stream.responses[0]).not.toHaveProperty('acknowledgeConfirmation.ackIds');
    stream.cancel();
  });

  test('"Properties associated with this subscription" are in every response', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic));
    await roundTrip(stream);
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    await roundTrip(stream);
    await api.publish(topic, 'b');
    await stream.untilMessages(2);
    expect(stream.responses.length).toBeGreaterThanOrEqual(5);
    for (const response of stream.responses) {
      expect(response).toMatchObject({ subscriptionProperties: properties });
    }
    stream.cancel();
  });

  test('an empty request is a keep-alive and is answered, ten times', async () => {
    const stream = open(await api.subscription(await api.topic()), { protocolVersion: 1n });
    for (let n = 0; n < 10; n++) await roundTrip(stream);
    expect(stream.responses).toHaveLength(11);
    stream.cancel();
  });

  test('a keep-alive is answered while flow control holds messages back', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic), { maxOutstandingMessages: 1n });
    await api.publish(topic, 'a', 'b');
    await stream.untilMessages(1);
    await roundTrip(stream);
    expect(stream.messages).toHaveLength(1);
    stream.cancel();
  });

  test('messages have ids, times, data, attributes and ordering keys as published', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic));
    const attributes = { k: 'é' };
    const messages = [{ data: 'AAH/', attributes, orderingKey: 'o' }];
    const { messageIds } = await api.call<{ messageIds: string[] }>('Publish', { topic, messages });
    await stream.untilMessages(1);
    const [received] = stream.messages;
    expect(received).toMatchObject({ deliveryAttempt: 0 });
    expect(received?.message).toMatchObject({
      messageId: messageIds[0],
      attributes,
      orderingKey: 'o',
    });
    expect([...(received?.message?.data ?? [])]).toEqual([0, 1, 255]);
    expect(Number(received?.message?.publishTime?.seconds)).toBeGreaterThan(1_600_000_000);
    stream.cancel();
  });
});

describe('flow control', () => {
  test('"When there are max_outstanding_messages … the server stops sending"; it resumes by unary acks', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription, { maxOutstandingMessages: 3n });
    await api.publish(topic, ...Array.from({ length: 10 }, (_, index) => `m${index}`));
    await stream.untilMessages(3);
    await roundTrip(stream);
    expect(stream.messages).toHaveLength(3);
    await api.call('Acknowledge', { subscription, ackIds: ackIdsOf(stream).slice(0, 2) });
    await stream.untilMessages(5);
    await roundTrip(stream);
    expect(stream.messages).toHaveLength(5);
    for (let acked = 2; acked < 10;) {
      const ackIds = ackIdsOf(stream);
      await stream.untilMessages(Math.min(10, acked + 3));
      await api.call('Acknowledge', { subscription, ackIds });
      acked = ackIds.length;
    }
    expect(new Set(stream.texts).size).toBe(10);
    stream.cancel();
  });

  test('acks on the stream, acks on another stream and nacks make room too', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription, { maxOutstandingMessages: 1n });
    await roundTrip(stream);
    await api.publish(topic, 'a', 'b', 'c');
    await stream.untilMessages(1);
    stream.send({ ackIds: ackIdsOf(stream) });
    await stream.untilMessages(2);
    const other = open(subscription, { maxOutstandingMessages: 1n });
    await other.untilMessages(1);
    other.send({ ackIds: [stream.messages[1]!.ackId] });
    await roundTrip(other);
    stream.send({
      modifyDeadlineAckIds: [other.messages[0]!.ackId],
      modifyDeadlineSeconds: [0],
    });
    // The nacked one goes to one of the two streams: both have room now.
    await Promise.race([stream.untilMessages(3), other.untilMessages(2)]);
    expect(new Set([...stream.texts, ...other.texts]).size).toBe(3);
    stream.cancel();
    other.cancel();
  });

  test('an expired deadline makes room and redelivers', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription, { maxOutstandingMessages: 1n, streamAckDeadlineSeconds: 10 });
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    await live.pass(11_000);
    expect(await stream.untilMessages(2)).toEqual(['a', 'a']);
    stream.cancel();
  });

  test('max_outstanding_bytes: "When there are max_outstanding_bytes or more worth of messages … the server will stop"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription, { maxOutstandingBytes: 2500n });
    await roundTrip(stream);
    for (let n = 0; n < 6; n++) await api.publish(topic, `${n}${'x'.repeat(999)}`);
    await stream.untilMessages(3);
    await roundTrip(stream);
    expect(stream.messages.length).toBe(3);
    stream.send({ ackIds: ackIdsOf(stream) });
    await stream.untilMessages(6);
    stream.cancel();
  });

  test('"If the value is <= 0, there is no limit"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const limits = { maxOutstandingMessages: 0n, maxOutstandingBytes: -1n };
    const stream = open(subscription, limits);
    await api.publish(topic, ...Array.from({ length: 1000 }, () => 'x'));
    await api.publish(topic, ...Array.from({ length: 1000 }, () => 'x'));
    await stream.untilMessages(2000);
    stream.cancel();
  });

  test('a stream that does not read keeps nothing from another', async () => {
    const topic = await api.topic();
    const [slow, fast] = [await api.subscription(topic), await api.subscription(topic)];
    const stuck = open(slow);
    stuck.pause();
    const stream = open(fast);
    const text = 'x'.repeat(100_000);
    for (let n = 0; n < 40; n++) await api.publish(topic, text);
    await stream.untilMessages(40);
    expect(stuck.messages.length).toBeLessThan(40);
    stuck.resume();
    await stuck.untilMessages(40);
    stuck.cancel();
    stream.cancel();
  });

  test('two streams of one subscription share its messages', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const streams = [open(subscription), open(subscription)];
    await Promise.all(streams.map(roundTrip));
    const texts = Array.from({ length: 400 }, (_, index) => `m${index}`);
    for (let at = 0; at < 400; at += 4) await api.publish(topic, ...texts.slice(at, at + 4));
    const all = (): string[] => streams.flatMap((stream) => stream.texts);
    while (all().length < 400) {
      await Promise.all(streams.map(roundTrip));
    }
    expect(all().toSorted()).toEqual(texts.toSorted());
    for (const stream of streams) {
      expect(stream.messages.length).toBeGreaterThan(40);
      stream.cancel();
    }
  });
});

describe('deadlines', () => {
  test('stream_ack_deadline_seconds: "The ack deadline to use for the stream", not the subscription\'s', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 10 });
    const stream = open(subscription, { streamAckDeadlineSeconds: 60 });
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    await live.pass(15_000);
    await roundTrip(stream);
    expect(stream.messages).toHaveLength(1);
    await live.pass(50_000);
    await stream.untilMessages(2);
    stream.cancel();
  });

  test('"it can also be updated on subsequent requests": from then on', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic), { streamAckDeadlineSeconds: 600 });
    await roundTrip(stream);
    stream.send({ streamAckDeadlineSeconds: 10 });
    await roundTrip(stream);
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    await live.pass(11_000);
    await stream.untilMessages(2);
    stream.cancel();
  });

  test('modify_deadline_seconds: 0 "is immediately made available" with a new ack id, more is more time', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic), { streamAckDeadlineSeconds: 10 });
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    const [first] = ackIdsOf(stream);
    stream.send({ modifyDeadlineAckIds: [first!], modifyDeadlineSeconds: [0] });
    await stream.untilMessages(2);
    const [, second] = ackIdsOf(stream);
    expect(second).not.toBe(first);
    stream.send({ modifyDeadlineAckIds: [second!], modifyDeadlineSeconds: [300] });
    await roundTrip(stream);
    await live.pass(minuteMs);
    await roundTrip(stream);
    expect(stream.messages).toHaveLength(2);
    stream.cancel();
  });

  test('a receipt: modifyAckDeadline the moment a message comes finds its lease', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription, { streamAckDeadlineSeconds: 10 });
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    const ackIds = ackIdsOf(stream);
    await api.call('ModifyAckDeadline', { subscription, ackIds, ackDeadlineSeconds: 600 });
    await live.pass(minuteMs);
    await roundTrip(stream);
    expect(stream.messages).toHaveLength(1);
    stream.cancel();
  });

  test('acks on the stream are remembered over a restart in order', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription);
    await api.publish(topic, 'a', 'b');
    await stream.untilMessages(2);
    stream.send({ ackIds: [stream.messages[0]!.ackId] });
    await roundTrip(stream);
    const [, left] = stream.texts;
    await live.restart();
    const again = open(subscription);
    expect(await again.untilMessages(1)).toEqual([left]);
    again.cancel();
  });
});

describe('ends', () => {
  test('the client half-closes: OK, after what was sent', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic));
    await roundTrip(stream);
    stream.halfClose();
    expect(await stream.ended).toMatchObject({ code: 'OK' });
  });

  test('on a cancel "outstanding messages stay leased to their deadlines", and can be acknowledged', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription);
    await api.publish(topic, 'a', 'b');
    await stream.untilMessages(2);
    stream.cancel();
    await stream.ended;
    expect(await api.pullOnce(subscription)).toEqual([]);
    const [acked] = stream.messages;
    await api.call('Acknowledge', { subscription, ackIds: [acked!.ackId] });
    await live.pass(61_000);
    const left = await api.pull(subscription, 1);
    expect(left[0]?.message.messageId).toBe(stream.messages[1]?.message?.messageId);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a missing subscription is NOT_FOUND', async () => {
    const id = freshId('missing');
    expect(await open(api.subscriptionName(id)).ended).toMatchObject({
      code: 'NOT_FOUND',
      message: `Resource not found (resource=${id}).`,
    });
  });

  test('a subscription deleted while the stream is open ends it with NOT_FOUND', async () => {
    const subscription = await api.subscription(await api.topic());
    const streams = [open(subscription), open(subscription)];
    await Promise.all(streams.map(roundTrip));
    await api.call('DeleteSubscription', { subscription });
    for (const stream of streams) {
      expect(await stream.ended).toMatchObject({
        code: 'NOT_FOUND',
        message: `Resource not found (resource=${subscription.split('/').at(-1)}).`,
      });
    }
  });

  test('a topic deleted while the stream is open does not end it', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic), { maxOutstandingMessages: 1n });
    await api.publish(topic, 'a', 'b');
    await stream.untilMessages(1);
    await api.call('DeleteTopic', { topic });
    stream.send({ ackIds: ackIdsOf(stream) });
    expect((await stream.untilMessages(2)).toSorted()).toEqual(['a', 'b']);
    stream.cancel();
  });

  test('a server that stops ends it with UNAVAILABLE, never OK', async () => {
    const stream = open(await api.subscription(await api.topic()));
    await roundTrip(stream);
    await live.restart();
    expect(await stream.ended).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The service was unable to fulfill your request. Please try again.',
    });
  });
});

describe('requests that break the protocol end the stream with INVALID_ARGUMENT', () => {
  test.each<[string, StreamRequest, string]>([
    ['no subscription', { streamAckDeadlineSeconds: 10 }, 'first message must set subscription'],
    ['no deadline', { subscription: 'S' }, 'first message must set stream_ack_deadline_seconds'],
    [
      'a deadline of 9',
      { subscription: 'S', streamAckDeadlineSeconds: 9 },
      'stream_ack_deadline_seconds must be between 10 and 600 seconds',
    ],
    [
      'a deadline of 601',
      { subscription: 'S', streamAckDeadlineSeconds: 601 },
      'stream_ack_deadline_seconds must be between 10 and 600 seconds',
    ],
    [
      'a client_id that is no id any more',
      { subscription: 'S', streamAckDeadlineSeconds: 10, clientId: 'x'.repeat(1_025) },
      'client_id must not be longer than 1024 characters',
    ],
  ])('first: %s', async (_, first, message) => {
    const subscription = await api.subscription(await api.topic());
    const named = first.subscription === 'S' ? { ...first, subscription } : first;
    expect(await grpc.stream(named).ended).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });

  test('first: a name that is none', async () => {
    expect(await open('nonsense').ended).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        'Invalid resource name given (name=nonsense). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.',
    });
  });

  test.each<[string, StreamRequest, string]>([
    [
      'subscription',
      { subscription: 'projects/p/subscriptions/sub' },
      'subscription may only be set in first message',
    ],
    [
      'max_outstanding_messages',
      { maxOutstandingMessages: 1n },
      'max_outstanding_messages may only be set in first message',
    ],
    [
      'max_outstanding_bytes',
      { maxOutstandingBytes: 1n },
      'max_outstanding_bytes may only be set in first message',
    ],
    [
      'protocol_version',
      { protocolVersion: 1n },
      'protocol_version may only be set in first message',
    ],
    [
      'a deadline of 700',
      { streamAckDeadlineSeconds: 700 },
      'stream_ack_deadline_seconds must be between 10 and 600 seconds',
    ],
    [
      'deadlines without ids',
      { modifyDeadlineSeconds: [10] },
      'ack IDs and deadlines must have the same size',
    ],
    [
      'a negative deadline',
      { modifyDeadlineAckIds: ['x'], modifyDeadlineSeconds: [-1] },
      'Ack deadline cannot be negative',
    ],
  ])('later: %s', async (_, later, message) => {
    const stream = open(await api.subscription(await api.topic()));
    await roundTrip(stream);
    stream.send(later);
    expect(await stream.ended).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });

  test('bytes that are no request', async () => {
    const stream = open(await api.subscription(await api.topic()));
    await roundTrip(stream);
    stream.sendBytes(Uint8Array.of(0x0a, 0xff));
    expect(await stream.ended).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a malformed ack id is dropped and the stream goes on: ending it would redeliver everything', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription);
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    stream.send({ ackIds: ['malformed', ...ackIdsOf(stream)] });
    await roundTrip(stream);
    await live.pass(2 * minuteMs);
    await roundTrip(stream);
    expect(stream.messages).toHaveLength(1);
    stream.cancel();
  });
});
