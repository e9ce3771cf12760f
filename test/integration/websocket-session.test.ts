import { afterEach, describe, expect, test } from 'vitest';

import { base64, liveApi } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { dataOf, SocketClient } from '../support/socket-client.ts';

const live = useLiveServer();
const api = liveApi(live, 'REST', 'websocket');
const open: SocketClient[] = [];

async function begin(): Promise<SocketClient> {
  const client = await SocketClient.begin(live.url);
  open.push(client);
  return client;
}

afterEach(async () => {
  for (const client of open.splice(0)) await client.kill();
});

const publish = (topic: string, ...texts: string[]): object => ({
  publish: { topic, messages: texts.map((text) => ({ data: base64(text) })) },
});

describe('publish', () => {
  test('answers with the ids of the messages, which a pull then brings', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const client = await begin();
    const { published } = await client.call(publish(topic, 'a', 'b'));
    const { messageIds } = published as { messageIds: string[] };
    expect(messageIds).toHaveLength(2);
    const pulled = await api.pull(subscription, 2);
    expect(pulled.map(({ message }) => message.messageId).toSorted()).toEqual(
      messageIds.toSorted(),
    );
  });

  test('many at once are answered each, in a session that goes on after errors', async () => {
    const topic = await api.topic();
    const client = await begin();
    const ids = Array.from({ length: 3_000 }, () => client.request(publish(topic, 'x')));
    const missing = await client.call(publish(`${api.project}/topics/missing`, 'x'));
    expect(missing['error']).toMatchObject({ code: 5, status: 'NOT_FOUND' });
    const unnamed = await client.call(publish('nonsense', 'x'));
    expect(unnamed['error']).toMatchObject({ code: 3, reason: 'INVALID_RESOURCE_NAME' });
    const empty = await client.call({ publish: { topic, messages: [] } });
    expect(empty['error']).toMatchObject({ code: 3, status: 'INVALID_ARGUMENT' });
    await client.until(({ id }) => id === ids.at(-1));
    const answered = client.frames.filter(({ published }) => published !== undefined);
    expect(answered.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids);
  });

  test('the same id again is the same publish', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const client = await begin();
    client.send({ id: 7, ...publish(topic, 'once') });
    client.send({ id: 7, ...publish(topic, 'once') });
    const first = await client.until(({ id }) => id === 7);
    client.send({ id: 7, ...publish(topic, 'once') });
    client.send({ id: 8, ...publish(topic, 'last') });
    await client.until(({ id }) => id === 8);
    const answers = client.frames.filter(({ id }) => id === 7);
    expect(answers.length).toBeGreaterThanOrEqual(2);
    for (const answer of answers) expect(answer).toEqual(first);
    expect((await api.pull(subscription, 2)).length).toBe(2);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });
});

describe('a stream', () => {
  test('brings what was published, numbered from 1, and takes acks that last', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const client = await begin();
    await api.publish(topic, 'a', 'b', 'c');
    const stream = await client.subscribe({ subscription });
    const messages = await client.untilMessages(stream, 3);
    expect(messages.map(dataOf).toSorted()).toEqual(['a', 'b', 'c']);
    expect(client.deliversOf(stream).map(({ sequence }) => sequence)).toEqual(
      client.deliversOf(stream).map((_, index) => index + 1),
    );
    const ackIds = messages.map(({ ackId }) => ackId);
    const settled = await client.call({ acknowledge: { stream, ackIds: [...ackIds, 'bad'] } });
    expect(settled['settled']).toEqual({ results: ['DONE', 'DONE', 'DONE', 'INVALID'] });
    const again = await client.call({ acknowledge: { stream, ackIds } });
    expect(again['settled']).toEqual({ results: ['DONE', 'DONE', 'DONE'] });
    live.clock.jump(601_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('gives back at once, extends, and says when it is too late', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const client = await begin();
    await api.publish(topic, 'again');
    const stream = await client.subscribe({ subscription });
    const [first] = await client.untilMessages(stream, 1);
    const nack = { stream, ackIds: [first!.ackId], ackDeadlineSeconds: 0 };
    const given = await client.call({ modifyAckDeadline: nack });
    expect(given['settled']).toEqual({ results: ['DONE'] });
    const [, second] = await client.untilMessages(stream, 2);
    expect(second!.message.messageId).toBe(first!.message.messageId);
    const extend = { stream, ackIds: [first!.ackId, second!.ackId], ackDeadlineSeconds: 600 };
    const extended = await client.call({ modifyAckDeadline: extend });
    expect(extended['settled']).toEqual({ results: ['EXPIRED', 'DONE'] });
  });

  test('holds so many messages, and lets further ones come as those are acknowledged', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const client = await begin();
    await api.publish(topic, ...Array.from({ length: 9 }, (_, n) => String(n)));
    const stream = await client.subscribe({ subscription, maxOutstandingMessages: 4 });
    const first = await client.untilMessages(stream, 4);
    await client.call({ ping: {} });
    expect(client.messagesOf(stream)).toHaveLength(4);
    const ackIds = first.map(({ ackId }) => ackId);
    client.send({ acknowledge: { stream, ackIds } });
    await client.untilMessages(stream, 8);
    await client.call({ ping: {} });
    expect(client.messagesOf(stream)).toHaveLength(8);
  });

  test('asks for more than the most, and is told what it got', async () => {
    const client = await begin();
    const subscription = await api.subscription(await api.topic(), { ackDeadlineSeconds: 77 });
    const more = { maxOutstandingMessages: 10 ** 6, maxOutstandingBytes: 10 ** 12 };
    const { subscribed } = await client.call({ subscribe: { subscription, ...more } });
    expect(subscribed).toEqual({
      subscription,
      ephemeral: false,
      ackDeadlineSeconds: 77,
      maxOutstandingMessages: 10_000,
      maxOutstandingBytes: 67_108_864,
    });
  });

  test('that is closed is closed, and its messages may still be acknowledged', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const client = await begin();
    await api.publish(topic, 'kept');
    const stream = await client.subscribe({ subscription });
    const [message] = await client.untilMessages(stream, 1);
    expect((await client.call({ unsubscribe: { stream } }))['unsubscribed']).toEqual({});
    await api.publish(topic, 'later');
    const [pulled] = await api.pull(subscription, 1);
    expect(Buffer.from(pulled!.message.data ?? '', 'base64').toString()).toBe('later');
    const settled = await client.call({ acknowledge: { stream, ackIds: [message!.ackId] } });
    expect(settled['settled']).toEqual({ results: ['DONE'] });
    expect(client.messagesOf(stream)).toHaveLength(1);
  });

  test('ends with an error frame when its subscription is deleted; the session lives', async () => {
    const subscription = await api.subscription(await api.topic());
    const client = await begin();
    const stream = await client.subscribe({ subscription });
    await api.call('DeleteSubscription', { subscription });
    const { error } = await client.until((frame) => frame.id === stream && 'error' in frame);
    expect(error).toMatchObject({ code: 5, status: 'NOT_FOUND' });
    expect((await client.call({ ping: {} }))['pong']).toEqual({});
  });

  test('that is not there answers NOT_FOUND to acks', async () => {
    const client = await begin();
    const { error } = await client.call({ acknowledge: { stream: 99, ackIds: ['x'] } });
    expect(error).toMatchObject({ code: 5, reason: 'STREAM_NOT_FOUND' });
  });

  test('cannot be opened a hundred and first time', async () => {
    const subscription = await api.subscription(await api.topic());
    const client = await begin();
    for (let n = 0; n < 100; n++) await client.subscribe({ subscription });
    const { error } = await client.call({ subscribe: { subscription } });
    expect(error).toMatchObject({ code: 8, reason: 'TOO_MANY_STREAMS' });
  });
});

describe('an ephemeral subscription', () => {
  test('gets what is published from then on, and is gone with its stream', async () => {
    const topic = await api.topic();
    await api.publish(topic, 'before');
    const client = await begin();
    const { id: stream, subscribed } = await client.call({ subscribe: { topic } });
    expect(subscribed).toMatchObject({ ephemeral: true, ackDeadlineSeconds: 10 });
    await client.call(publish(topic, 'after'));
    const messages = await client.untilMessages(stream, 1);
    expect(messages.map(dataOf)).toEqual(['after']);
    const { subscription } = subscribed as { subscription: string };
    const other = await client.call({ subscribe: { subscription } });
    expect(other['error']).toMatchObject({ code: 3, reason: 'INVALID_RESOURCE_NAME' });
    await client.call({ unsubscribe: { stream } });
    const ackIds = messages.map(({ ackId }) => ackId);
    const { error } = await client.call({ acknowledge: { stream, ackIds } });
    expect(error).toMatchObject({ code: 5, status: 'NOT_FOUND' });
  });

  test('can be had sixteen times in a session, and again when one is gone', async () => {
    const topic = await api.topic();
    const client = await begin();
    const streams: number[] = [];
    for (let n = 0; n < 16; n++) streams.push(await client.subscribe({ topic }));
    const { error } = await client.call({ subscribe: { topic } });
    expect(error).toMatchObject({ code: 8, reason: 'TOO_MANY_STREAMS' });
    client.request({ unsubscribe: { stream: streams[0] } });
    await client.subscribe({ topic });
  });

  test('of a topic that does not exist is NOT_FOUND', async () => {
    const client = await begin();
    const { error } = await client.call({ subscribe: { topic: `${api.project}/topics/none` } });
    expect(error).toMatchObject({ code: 5, status: 'NOT_FOUND' });
  });
});

test('a hello must come first, and once', async () => {
  const client = await SocketClient.open(live.url);
  client.send({ id: 1, ping: {} });
  expect(await client.closed).toMatchObject({
    code: 4003,
    reason: 'HELLO_EXPECTED: The first frame must be a hello.',
  });
  const other = await begin();
  other.send({ hello: {} });
  expect(await other.closed).toMatchObject({
    code: 4003,
    reason: 'HELLO_UNEXPECTED: Only the first frame may be a hello.',
  });
});
