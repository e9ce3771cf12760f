import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';

import { PublishRequestSchema } from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { base64, freshId, LiveApi, liveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { publishWireNames, refusalOf } from '../support/wire.ts';
import { badIds, invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(publishWireNames)('Publish over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"The server-assigned ID of each published message, in the same order as the messages in the request"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const ids = await api.publish(topic, 'a', 'b', 'c');
    const more = await api.publish(topic, 'd');
    const pulled = await api.pull(subscription, 4);
    const byId = new Map(pulled.map((each) => [each.message.messageId, textOf(each)]));
    expect([...ids, ...more].map((id) => byId.get(id))).toEqual(['a', 'b', 'c', 'd']);
    for (const id of ids) expect(id).toMatch(/^[0-9]{1,19}$/);
  });

  test('data, attributes and ordering key come back as they were', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const attributes = { 'k é': 'v ☃', empty: '', ['__proto__']: 'own', constructor: 'own' };
    const message = {
      data: base64('\0\u{1f600} bytes'),
      attributes: JSON.parse(JSON.stringify(attributes)) as Record<string, string>,
      orderingKey: 'order é',
    };
    await api.call('Publish', { topic, messages: [message] });
    const [pulled] = await api.pull(subscription, 1);
    expect(pulled?.message).toMatchObject({ data: message.data, orderingKey: 'order é' });
    expect(new Map(Object.entries(pulled?.message.attributes ?? {}))).toEqual(
      new Map(Object.entries(message.attributes)),
    );
  });

  test('every byte value survives', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const data = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('base64');
    await api.call('Publish', { topic, messages: [{ data }] });
    const [pulled] = await api.pull(subscription, 1);
    expect(pulled?.message.data).toBe(data);
  });

  test('publish_time is the server\'s, "It must not be populated by the publisher"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const beforeMs = live.clock.wallMs();
    const messages = [{ data: base64('x'), messageId: '7', publishTime: '2001-01-01T00:00:00Z' }];
    const answer = await api.call<{ messageIds: string[] }>('Publish', { topic, messages });
    const [pulled] = await api.pull(subscription, 1);
    const publishedMs = Date.parse(pulled!.message.publishTime);
    expect(publishedMs).toBeGreaterThanOrEqual(Math.floor(beforeMs) - 1);
    expect(publishedMs).toBeLessThanOrEqual(live.clock.wallMs());
    expect([pulled!.message.messageId]).toEqual(answer.messageIds);
    expect(answer.messageIds).not.toEqual(['7']);
  });

  test.each([
    [0, 'small', 'minimum value is 1'],
    [1001, 'large', 'maximum value is 1000'],
  ])('%i messages are too %s a number', async (count, size, bound) => {
    const messages = Array.from({ length: count }, () => ({ data: 'YQ==' }));
    expect(await api.refusal('Publish', { topic: await api.topic(), messages })).toEqual(
      invalid(
        `The value for message_count is too ${size}. You passed ${count} in the request, but the ${bound}.`,
      ),
    );
  });

  test('1,000 messages in one request all arrive', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const texts = Array.from({ length: 1000 }, (_, index) => `m${index}`);
    const ids = await api.publish(topic, ...texts);
    expect(new Set(ids).size).toBe(1000);
    const pulled = await api.pull(subscription, 1000);
    expect(pulled.map(textOf).toSorted()).toEqual(texts.toSorted());
  });

  test('"The message must contain either a non-empty data field or at least one attribute", and one bad message refuses all', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    for (const bad of [{}, { data: '' }, { orderingKey: 'o' }]) {
      const messages = [{ data: base64('good') }, bad];
      expect((await api.refusal('Publish', { topic, messages })).code).toBe('INVALID_ARGUMENT');
    }
    expect(await api.pullOnce(subscription)).toEqual([]);
    await api.call('Publish', { topic, messages: [{ attributes: { only: 'this' } }] });
    const [pulled] = await api.pull(subscription, 1);
    expect(pulled?.message).toMatchObject({ attributes: { only: 'this' } });
    expect(pulled?.message).not.toHaveProperty('data');
  });

  test('attributes: at most 100, keys of 256 bytes and values of 1,024 bytes', async () => {
    const topic = await api.topic();
    const publish = (attributes: Record<string, string>): object => ({
      topic,
      messages: [{ attributes }],
    });
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
    await api.call('Publish', { ...publish(many(100)) });
    await api.call('Publish', { ...publish({ ['k'.repeat(256)]: 'v'.repeat(1024) }) });
    await api.call('Publish', { ...publish({ googclient_traceparent: 'v' }) });
    for (const attributes of [
      many(101),
      { ['k'.repeat(257)]: 'v' },
      { k: 'v'.repeat(1025) },
      { k: 'é'.repeat(513) },
      { '': 'v' },
      { googkey: 'v' },
    ]) {
      expect((await api.refusal('Publish', { ...publish(attributes) })).code).toBe(
        'INVALID_ARGUMENT',
      );
    }
  });

  test('an ordering key has at most 1,024 bytes, and "All PubsubMessages published in a given PublishRequest must specify the same ordering_key"', async () => {
    const topic = await api.topic();
    const messages = (...keys: string[]): object[] =>
      keys.map((orderingKey) => ({ data: 'YQ==', orderingKey }));
    await api.call('Publish', { topic, messages: messages('k'.repeat(1024)) });
    const long = await api.refusal('Publish', { topic, messages: messages('k'.repeat(1025)) });
    expect(long.code).toBe('INVALID_ARGUMENT');
    const subscription = await api.subscription(topic);
    for (const mixed of [messages('a', 'b'), messages('', 'a'), messages('a', 'a', '')]) {
      expect(await api.refusal('Publish', { topic, messages: mixed })).toEqual(
        invalid(
          'In a single publish request, all messages must have no ordering key or they must all have the same ordering key.',
        ),
      );
    }
    expect(await api.pullOnce(subscription)).toEqual([]);
    await api.call('Publish', { topic, messages: messages('a', 'a') });
    await api.call('Publish', { topic, messages: messages('', '') });
    expect(await api.pull(subscription, 4)).toHaveLength(4);
  });

  test('"Returns NOT_FOUND if the topic does not exist"', async () => {
    const id = freshId('missing');
    const request = { topic: api.topicName(id), messages: [{ data: 'YQ==' }] };
    expect(await api.refusal('Publish', request)).toEqual(notFound(id));
  });

  test.each(badIds)('the topic id %s is refused', async (id) => {
    const topic = api.topicName(id);
    const messages = [{ data: 'YQ==' }];
    expect(await api.refusal('Publish', { topic, messages })).toEqual(invalidName(topic));
  });

  test('each subscription gets its own copy; a topic without any drops what comes', async () => {
    const topic = await api.topic();
    await api.publish(topic, 'nobody');
    const subscriptions = [await api.subscription(topic), await api.subscription(topic)];
    await api.publish(topic, 'both');
    for (const subscription of subscriptions) {
      const pulled = await api.pull(subscription, 1);
      expect(pulled.map(textOf)).toEqual(['both']);
      await api.acknowledge(subscription, pulled);
    }
    expect(await api.pullOnce(subscriptions[0]!)).toEqual([]);
  });

  test('ids and messages survive a restart, and ids go on without repeating', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const before = await api.publish(topic, 'one');
    await live.restart();
    const after = await api.publish(topic, 'two');
    const pulled = await api.pull(subscription, 2);
    expect(pulled.map(({ message }) => message.messageId).toSorted()).toEqual(
      [...before, ...after].toSorted(),
    );
    expect(new Set([...before, ...after]).size).toBe(2);
  });
});

describe('request_size', () => {
  const path = '/google.pubsub.v1.Publisher/Publish';
  const requestOf = (topic: string, dataBytes: number): Uint8Array => {
    const messages = [{ data: Buffer.alloc(dataBytes, 'x') }];
    return toBinary(PublishRequestSchema, create(PublishRequestSchema, { topic, messages }));
  };

  test('10,000,000 bytes over gRPC are taken, one more is not', async () => {
    const grpc = liveGrpc(live);
    const topic = await new LiveApi(grpc, `projects/sizes${live.projectSuffix}`).topic();
    const overhead = requestOf(topic, 9_000_000).length - 9_000_000;
    const exact = requestOf(topic, 10_000_000 - overhead);
    expect(exact).toHaveLength(10_000_000);
    await grpc.send(path, exact);
    expect(await refusalOf(grpc.send(path, requestOf(topic, 10_000_001 - overhead)))).toEqual(
      invalid(
        'The value for request_size is too large. You passed 10000001 in the request, but the maximum value is 10000000.',
      ),
    );
  });

  test('over REST the transport takes 10,485,760 bytes, and one more is too many', async () => {
    const api = liveApi(live, 'REST', 'sizes');
    const topic = await api.topic();
    const [head, tail] = ['{"messages":[{"data":"', '"}]}'];
    const bodyOf = (bytes: number): string => {
      const data = 'eHh4'.repeat(Math.floor((bytes - head.length - tail.length) / 4));
      const body = `${head}${data}${tail}`;
      return body + ' '.repeat(bytes - body.length);
    };
    const post = (body: string): Promise<Response> =>
      fetch(`${live.url}/v1/${topic}:publish`, { method: 'POST', body });
    const taken = await post(bodyOf(10_485_760));
    expect([taken.status, await taken.json()]).toEqual([
      200,
      { messageIds: [expect.stringMatching(/^\d+$/)] },
    ]);
    const refused = await post(bodyOf(10_485_761));
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { error: { message: 'Request payload size exceeds the limit: 10485760 bytes.' } },
    ]);
  });
});

test('a bad base64 of REST names its field', async () => {
  const api = liveApi(live, 'REST', 'base64');
  const topic = await api.topic();
  const { code, message } = await api.refusal('Publish', { topic, messages: [{ data: '!' }] });
  expect([code, message]).toEqual([
    'INVALID_ARGUMENT',
    `Invalid value at 'messages[0].data' (TYPE_BYTES), Base64 decoding failed for "!"`,
  ]);
});
