import { connect, type ClientHttp2Session } from 'node:http2';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { LiveApi, liveGrpc } from '../support/live-api.ts';
import { LiveServer } from '../support/live-server.ts';
import type { StreamClient, StreamEnd, StreamRequest } from '../support/stream-client.ts';

const live = new LiveServer();
beforeAll(() => live.start());
afterAll(() => live.remove());
const grpc = liveGrpc(live);
const api = new LiveApi(grpc, 'projects/traps');

const open = (subscription: string, more: StreamRequest = {}): StreamClient =>
  grpc.stream({ subscription, streamAckDeadlineSeconds: 600, protocolVersion: 1n, ...more });

async function roundTrip(stream: StreamClient): Promise<void> {
  await stream.until(({ responses }) => responses.length > 0);
  const before = stream.responses.length;
  stream.send({});
  await stream.until(({ responses }) => responses.length > before);
}

test('trap: keep-alive pings unanswered, so that streams are dropped: each is answered, for nine minutes', async () => {
  const topic = await api.topic();
  const idle = open(await api.subscription(topic));
  const held = open(await api.subscription(topic), { maxOutstandingMessages: 1n });
  await api.publish(topic, 'a', 'b');
  await held.untilMessages(1);
  const streams = [idle, held];
  for (let second = 0; second < 540; second += 30) {
    await Promise.all(streams.map(roundTrip));
    // Unasked too, in each half of the time to the next ping.
    for (const stream of streams) {
      const before = stream.responses.length;
      await live.pass(15_000);
      await stream.until(({ responses }) => responses.length > before);
      await roundTrip(stream);
    }
  }
  expect(held.messages).toHaveLength(1);
  for (const stream of streams) stream.cancel();
});

test('trap: subscription_properties missing in an empty response: no response is without', async () => {
  const topic = await api.topic();
  const options = { enableExactlyOnceDelivery: true, enableMessageOrdering: true };
  const stream = open(await api.subscription(topic, options));
  await roundTrip(stream);
  await api.publish(topic, 'a');
  await stream.untilMessages(1);
  const before = stream.responses.length;
  await live.pass(15_000);
  await stream.until(({ responses }) => responses.length > before);
  const [{ ackId } = { ackId: '' }] = stream.messages;
  stream.send({ ackIds: [ackId], modifyDeadlineAckIds: [ackId], modifyDeadlineSeconds: [60] });
  await stream.until(({ responses }) => responses.length >= before + 3);
  await roundTrip(stream);
  expect(stream.responses.length).toBeGreaterThanOrEqual(6);
  for (const { subscriptionProperties } of stream.responses) {
    expect(subscriptionProperties).toMatchObject({
      exactlyOnceDeliveryEnabled: true,
      messageOrderingEnabled: true,
    });
  }
  stream.cancel();
});

/** Every way in which the server may end a stream by itself. */
const serverEnds: Readonly<Record<string, (subscription: string) => Promise<unknown>>> = {
  'it is deleted': (subscription) => api.call('DeleteSubscription', { subscription }),
  'it is detached': (subscription) => api.call('DetachSubscription', { subscription }),
  'it is pushed from now on': (subscription) =>
    api.call('ModifyPushConfig', {
      subscription,
      pushConfig: { pushEndpoint: 'http://127.0.0.1:9/push' },
    }),
  'its time is over': () => live.pass(30 * 60_000),
  'the server stops': () => live.restart(),
};

describe('how the server ends a stream', () => {
  const endOf = async (end: (subscription: string) => Promise<unknown>): Promise<StreamEnd> => {
    const subscription = await api.subscription(await api.topic());
    const stream = open(subscription);
    await roundTrip(stream);
    await end(subscription);
    return await stream.ended;
  };

  test.each(Object.keys(serverEnds))(
    'trap: a stream that the server ends with OK is not opened again: not when %s',
    async (name) => {
      const { code } = await endOf(serverEnds[name]!);
      expect(['UNAVAILABLE', 'NOT_FOUND', 'FAILED_PRECONDITION']).toContain(code);
    },
  );

  test.each(Object.keys(serverEnds))(
    'trap: the text "Server shutdownNow invoked" stops Java and Go for good: not when %s',
    async (name) => {
      const { message } = await endOf(serverEnds[name]!);
      expect(message).not.toBe('');
      expect(message).not.toMatch(/shutdownNow/i);
    },
  );
});

test('trap: a message of 9 MB is above the limit of grpc-js: it is taken and delivered', async () => {
  const topic = await api.topic();
  const subscription = await api.subscription(topic);
  const stream = open(subscription);
  await roundTrip(stream);
  await api.publish(topic, 'x'.repeat(9_000_000));
  await stream.untilMessages(1);
  expect(stream.messages[0]?.message?.data.length).toBe(9_000_000);
  stream.cancel();
});

describe('trap: the close of a stream is no nack, and NOT_FOUND closes all streams', () => {
  test.each<[string, (stream: StreamClient) => void]>([
    ['cancelled', (stream) => stream.cancel()],
    ['half-closed', (stream) => stream.halfClose()],
  ])('a stream that is %s leaves its messages leased', async (_, close) => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, {
      deadLetterPolicy: { deadLetterTopic: await api.topic(), maxDeliveryAttempts: 5 },
    });
    const stream = open(subscription);
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    close(stream);
    await stream.ended;
    const other = open(subscription);
    await roundTrip(other);
    await live.pass(500_000);
    await roundTrip(other);
    expect(other.messages).toEqual([]);
    await live.pass(110_000);
    await other.untilMessages(1);
    // One lease that ended, and no nack.
    expect(other.messages[0]?.deliveryAttempt).toBe(2);
    other.cancel();
  });

  test('five streams, as Node opens them, end together when the subscription is deleted', async () => {
    const subscription = await api.subscription(await api.topic());
    const streams = Array.from({ length: 5 }, () => open(subscription));
    await Promise.all(streams.map(roundTrip));
    await api.call('DeleteSubscription', { subscription });
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    for (const { code } of ends) expect(code).toBe('NOT_FOUND');
  });
});

describe('trap: ENHANCE_YOUR_CALM is never sent, and a drain says GOAWAY with NO_ERROR', () => {
  const session = async (): Promise<[ClientHttp2Session, number[]]> => {
    const made = connect(live.url);
    const goaways: number[] = [];
    made.on('goaway', (code) => goaways.push(code));
    await new Promise((resolve) => made.once('connect', resolve));
    return [made, goaways];
  };

  const ping = (on: ClientHttp2Session): Promise<void> =>
    new Promise((resolve, reject) => {
      on.ping((error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });

  test('a thousand pings without any call are all answered', async () => {
    const [pinging, goaways] = await session();
    for (let n = 0; n < 1_000; n++) await ping(pinging);
    expect(goaways).toEqual([]);
    pinging.destroy();
  });

  test('a server that stops says GOAWAY with NO_ERROR', async () => {
    const [waiting, goaways] = await session();
    await ping(waiting);
    const closed = new Promise((resolve) => waiting.once('close', resolve));
    await live.restart();
    await closed;
    expect(goaways).not.toEqual([]);
    expect(new Set(goaways)).toEqual(new Set([0]));
  });
});

test('metadata that official clients and emulator users send is taken, and never used', async () => {
  const http2 = connect(live.url);
  const topic = await api.topic();
  const stream = http2.request({
    ':method': 'POST',
    ':path': '/google.pubsub.v1.Publisher/GetTopic',
    'content-type': 'application/grpc',
    te: 'trailers',
    'x-goog-request-params': 'topic=projects%2Fother%2Ftopics%2Fother',
    'x-goog-api-client': 'gl-node/24 grpc/1.14 gax/5',
    'x-goog-user-project': 'other',
    'grpc-previous-rpc-attempts': '1',
    authorization: 'Bearer owner',
    'grpc-timeout': '60S',
    'grpc-accept-encoding': 'identity,deflate,gzip',
  });
  const request = Buffer.concat([Buffer.from([0x0a, topic.length]), Buffer.from(topic)]);
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));
  const trailers = await new Promise((resolve, reject) => {
    stream.on('trailers', resolve);
    stream.on('error', reject);
    stream.resume();
  });
  expect(trailers).toMatchObject({ 'grpc-status': '0' });
  http2.destroy();
});
