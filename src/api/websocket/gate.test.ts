import { afterEach, describe, expect, test } from 'vitest';

import {
  startFixture,
  type ApiFixture,
  type FixtureOptions,
} from '../../../test/support/api-fixture.ts';
import type { RecordedStream } from '../../../test/support/recording-broker.ts';
import { bytesOf, RawSocket } from '../../../test/support/raw-socket.ts';
import { SocketClient } from '../../../test/support/socket-client.ts';
import type { Delivery } from '../../broker/index.ts';
import { webSocketLimits as limits } from './limits.ts';

let fixture: ApiFixture;
const clients: SocketClient[] = [];
const topic = 'projects/p/topics/top';
const subscription = 'projects/p/subscriptions/sub';

afterEach(async () => {
  for (const client of clients.splice(0)) if (!client.isClosed) await client.close();
  await fixture.api.drain(0);
});

async function start(options: FixtureOptions = {}): Promise<void> {
  fixture = await startFixture(options);
  await fixture.broker.createTopic({ name: topic, labels: {} });
  await fixture.broker.createSubscription({
    name: subscription,
    topic,
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetentionMs: 600_000,
  });
}

async function begin(options: FixtureOptions = {}): Promise<SocketClient> {
  await start(options);
  return await another();
}

async function another(): Promise<SocketClient> {
  const client = await SocketClient.begin(fixture.api.url);
  clients.push(client);
  return client;
}

let serial = 0;
/** One message of so many bytes, PubsubMessage.data alone. */
function delivery(bytes: number): Delivery {
  const head = [0x0a];
  for (let left = bytes; ; left >>>= 7) {
    head.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  const ackId = `ack-${++serial}`;
  return {
    ackId,
    messageId: String(serial),
    publishTimeMs: 0,
    deliveryAttempt: 0,
    bytes: Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, 0x78)]),
  };
}

const streamAt = (index: number): RecordedStream => fixture.broker.streams[index]!;

const givenBack = (): unknown[] => fixture.broker.calls.filter(([name]) => name === 'giveBack');

describe('streams that share a connection', () => {
  test('are held at 512 KiB unsent, and go on in turn when the client has taken it', async () => {
    const client = await begin();
    const ids = [
      await client.subscribe({ subscription }),
      await client.subscribe({ subscription }),
    ];
    const [one, two] = [streamAt(0), streamAt(1)];
    expect(one.sink.deliver([delivery(300_000)])).toBe(true);
    expect(one.sink.deliver([delivery(300_000)])).toBe(false);
    const bounced = delivery(10);
    // The room is taken: this one goes back, and its stream waits too.
    expect(two.sink.deliver([bounced])).toBe(false);
    await client.untilMessages(ids[0]!, 2);
    while (one.resumeCount === 0 || two.resumeCount === 0) await client.call({ ping: {} });
    expect([one.resumeCount, two.resumeCount]).toEqual([1, 1]);
    expect(givenBack()).toEqual([['giveBack', subscription, [bounced.ackId]]]);
    expect(client.messagesOf(ids[1]!)).toEqual([]);
    expect(two.sink.deliver([delivery(10)])).toBe(true);
    await client.untilMessages(ids[1]!, 1);
    expect(client.deliversOf(ids[1]!).map(({ sequence }) => sequence)).toEqual([1]);
  });

  test('wait for a client that confirms nothing at 10,000 messages, and forget it with the stream', async () => {
    await start();
    const client = await SocketClient.open(fixture.api.url, { autoPong: false });
    clients.push(client);
    await client.hello();
    const first = await client.subscribe({ topic });
    const batch = (count: number): Delivery[] => Array.from({ length: count }, () => delivery(1));
    expect(streamAt(0).sink.deliver(batch(limits.unconfirmedMax - 1))).toBe(true);
    expect(streamAt(0).sink.deliver(batch(1))).toBe(false);
    await client.untilMessages(first, limits.unconfirmedMax);
    await client.call({ unsubscribe: { stream: first } });
    const second = await client.subscribe({ topic });
    expect(streamAt(1).sink.deliver(batch(1))).toBe(true);
    await client.untilMessages(second, 1);
  });

  test('that fail take their ephemeral subscription along', async () => {
    const client = await begin();
    const { id } = await client.call({ subscribe: { topic } });
    expect(fixture.broker.ephemerals.size).toBe(1);
    expect(fixture.reports.streams).toBe(1);
    streamAt(0).sink.fail(new Error('broken'));
    const { error } = await client.until((frame) => frame.id === id && 'error' in frame);
    expect(error).toMatchObject({ code: 13, message: 'Internal error encountered.' });
    expect(fixture.broker.ephemerals.size).toBe(0);
    expect(fixture.reports.streams).toBe(0);
  });
});

test('a session that ends deletes its ephemeral subscriptions and closes its streams', async () => {
  const client = await begin();
  await client.subscribe({ topic });
  await client.subscribe({ subscription });
  await client.close();
  await another();
  expect(fixture.broker.ephemerals.size).toBe(0);
  expect(fixture.broker.streams.map(({ isClosed }) => isClosed)).toEqual([true, true]);
});

test('an unsubscribe that overtakes its subscribe leaves nothing open', async () => {
  const client = await begin();
  const stream = client.request({ subscribe: { topic } });
  const { unsubscribed } = await client.call({ unsubscribe: { stream } });
  expect(unsubscribed).toEqual({});
  await client.call({ ping: {} });
  expect(fixture.broker.ephemerals.size).toBe(0);
  expect(fixture.reports.streams).toBe(0);
  expect(client.frames.filter(({ id }) => id === stream)).toEqual([]);
});

test('more sessions than there may be are refused with 503', async () => {
  const client = await begin({ limits: { sessionsMax: 2 } });
  await another();
  const refusal = await SocketClient.refusal(fixture.api.url);
  expect(refusal).toMatchObject({ status: 503, reason: 'TOO_MANY_SESSIONS' });
  expect(fixture.reports.events).toContainEqual(['refused', 503]);
  await client.close();
  const back = await another();
  expect((await back.call({ ping: {} }))['pong']).toEqual({});
});

test('messages that are not whole are held within the budget of all requests', async () => {
  const client = await begin({ limits: { requestBytesMax: 200_000 } });
  const first = await RawSocket.welcomed(fixture.api.url);
  const second = await RawSocket.welcomed(fixture.api.url);
  const text = `{"id":1,"ping":{}}${' '.repeat(149_000)}`;
  const bytes = bytesOf({ opcode: 1, payload: Buffer.from(text) });
  for (const raw of [first, second]) raw.socket.write(bytes.subarray(0, 140_000));
  // Whole messages of others need no more than passing room.
  expect((await client.call({ ping: {} }))['pong']).toEqual({});
  first.socket.write(bytes.subarray(140_000));
  // The one that waits goes on when its turn has come, and not before.
  second.socket.write(bytes.subarray(140_000));
  for (const raw of [first, second]) await raw.until((each) => each.includes('pong'));
  for (const raw of [first, second]) raw.socket.destroy();
});

test('what is reported: connections, frames, their ends', async () => {
  const client = await begin();
  await client.call({ ping: {} });
  await client.close();
  await another();
  expect(fixture.reports.events).toEqual([
    ['connected', 'sealpost.v1.json', false],
    ['disconnected', 'sealpost.v1.json', 1000],
    ['connected', 'sealpost.v1.json', false],
  ]);
  expect(fixture.reports.receivedBytes).toBeGreaterThan(0);
  expect(fixture.reports.sentFrames).toBeGreaterThanOrEqual(3);
});

test('calls are observed by name and code', async () => {
  const client = await begin();
  const stream = await client.subscribe({ subscription });
  const publish = { topic, messages: [{ data: 'YQ==' }] };
  await client.call({ publish });
  await client.call({ acknowledge: { stream, ackIds: ['a'] } });
  await client.call({ modifyAckDeadline: { stream, ackIds: ['a'], ackDeadlineSeconds: 9 } });
  await client.call({ subscribe: { subscription: 'projects/p/subscriptions/missing' } });
  expect(fixture.observed).toEqual([
    ['sealpost.v1.WebSocket.Subscribe', 'OK'],
    ['sealpost.v1.WebSocket.Publish', 'OK'],
    ['sealpost.v1.WebSocket.Acknowledge', 'OK'],
    ['sealpost.v1.WebSocket.ModifyAckDeadline', 'OK'],
    ['sealpost.v1.WebSocket.Subscribe', 'NOT_FOUND'],
  ]);
});
