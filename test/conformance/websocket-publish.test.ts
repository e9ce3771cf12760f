import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { FrameClient, subprotocols } from '../support/frame-client.ts';
import { base64, freshId, liveApi, textOf } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useLiveServer();

describe.each(subprotocols)('publish over %s', (subprotocol) => {
  const api = liveApi(live, 'REST');
  let client: FrameClient;

  beforeAll(async () => {
    client = await FrameClient.hello(live, subprotocol);
  });
  afterAll(async () => {
    expect(await client.close()).toMatchObject({ code: 1000 });
  });

  test('one id per message in their order, and all that was in them arrives', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const attributes = JSON.parse('{"k é": "v ☃", "__proto__": "own", "empty": ""}') as object;
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('base64');
    const orderingKey = 'order é';
    const answer = await client.request({
      publish: {
        topic,
        messages: [
          { data: base64('first'), orderingKey },
          { data: bytes, attributes: { ...attributes }, orderingKey },
          { attributes: { only: 'this' }, orderingKey },
        ],
      },
    });
    expect(answer.error).toBeUndefined();
    const { messageIds } = answer['published'] as { messageIds: string[] };
    const pulled = await api.pull(subscription, 3);
    const byId = new Map(pulled.map(({ message }) => [message.messageId, message]));
    const [first, second, third] = messageIds.map((id) => byId.get(id));
    expect(first).toMatchObject({ data: base64('first'), orderingKey });
    expect(second?.data).toBe(bytes);
    expect(new Map(Object.entries(second?.attributes ?? {}))).toEqual(
      new Map(Object.entries(attributes)),
    );
    expect(third?.attributes).toEqual({ only: 'this' });
  });

  test('many requests at once are each answered, and all are kept', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const texts = Array.from({ length: 300 }, (_, index) => `m${index}`);
    const answers = await Promise.all(
      texts.map((text) =>
        client.request({ publish: { topic, messages: [{ data: base64(text) }] } }),
      ),
    );
    const ids = answers.map((each) => (each['published'] as { messageIds: string[] }).messageIds);
    const pulled = await api.pull(subscription, 300);
    const byId = new Map(pulled.map((each) => [each.message.messageId, textOf(each)]));
    expect(ids.map(([id]) => byId.get(id!))).toEqual(texts);
  });

  test('a request of nearly 10,000,000 bytes is taken, a larger one refused', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const publish = (
      bytes: number,
    ): { publish: { topic: string; messages: { data: string }[] } } => ({
      publish: { topic, messages: [{ data: Buffer.alloc(bytes, 7).toString('base64') }] },
    });
    if (subprotocol.endsWith('proto')) {
      expect(await client.request(publish(9_999_000))).toHaveProperty('published');
      expect(await client.refusal(publish(10_000_100))).toMatchObject({
        code: 'INVALID_ARGUMENT',
        reason: 'VALUE_TOO_LARGE',
        message: expect.stringMatching(
          /^The value for request_size is too large\. You passed 100\d+ in the request, but the maximum value is 10000000\.$/,
        ),
      });
    } else {
      // In base64 a frame holds three quarters of its bytes.
      expect(await client.request(publish(7_800_000))).toHaveProperty('published');
    }
    expect(await api.pull(subscription, 1)).toHaveLength(1);
  });

  test('bad names are refused in the words of the other wires', async () => {
    const messages = [{ data: base64('x') }];
    for (const id of badIds) {
      const topic = api.topicName(id);
      expect(await client.refusal({ publish: { topic, messages } })).toEqual({
        ...invalidName(topic),
        reason: 'INVALID_RESOURCE_NAME',
      });
    }
  });

  test('a topic that is not there is NOT_FOUND', async () => {
    const id = freshId('none');
    const publish = { topic: api.topicName(id), messages: [{ data: base64('x') }] };
    expect(await client.refusal({ publish })).toEqual({
      ...notFound(id),
      reason: 'RESOURCE_NOT_FOUND',
    });
  });

  test.each([
    [[], 'VALUE_TOO_SMALL', /^The value for message_count is too small\. You passed 0 /],
    [
      Array.from({ length: 1_001 }, () => ({ data: 'YQ==' })),
      'VALUE_TOO_LARGE',
      /^The value for message_count is too large\. You passed 1001 /,
    ],
    [
      [{ data: 'YQ==' }, {}],
      'INVALID_ARGUMENT',
      /must have non-empty data or at least one attribute\)\.$/,
    ],
    [
      [{ attributes: { ['k'.repeat(257)]: 'v' } }],
      'VALUE_TOO_LARGE',
      /^The value for attribute_key_size is too large\. You passed 257 /,
    ],
  ])('case %#: refused by its id, and nothing of it is kept', async (messages, reason, message) => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    expect(await client.refusal({ publish: { topic, messages } })).toEqual({
      code: 'INVALID_ARGUMENT',
      reason,
      message: expect.stringMatching(message),
    });
    expect(await api.pullOnce(subscription)).toEqual([]);
  });
});

describe('what only JSON can get wrong', () => {
  test.each([
    [
      '{"id":7,"publish":{"topic":"t","messages":[{"data":"QQ==","body":1}]}}',
      `Invalid JSON payload received. Unknown name "body" at 'publish.messages[0]': Cannot find field.`,
    ],
    [
      '{"id":7,"pink":{}}',
      'Invalid JSON payload received. Unknown name "pink": Cannot find field.',
    ],
    [
      '{"id":7,"publish":{"topic":"t","messages":[{"data":"?"}]}}',
      `Invalid value at 'publish.messages[0].data' (TYPE_BYTES), Base64 decoding failed for "?"`,
    ],
  ])('%s: an error that names it', async (text, message) => {
    const client = await FrameClient.hello(live, 'sealpost.v1.json');
    client.sendRaw(text);
    const { error } = await client.take(({ id }) => id === '7');
    expect(error).toMatchObject({
      code: 3,
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_PAYLOAD',
      message,
      details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest' }],
    });
    await client.close();
  });

  test.each(['{"id":7', '[]', '{"id":"x","ping":{}}', '{"publish":{}}'])(
    '%s has no id that could be answered: the session ends with 4003',
    async (text) => {
      const client = await FrameClient.hello(live, 'sealpost.v1.json');
      client.sendRaw(text);
      expect(await client.closed).toMatchObject({ code: 4003 });
    },
  );
});

test('bytes that are no frame end the session with 4003', async () => {
  const client = await FrameClient.hello(live, 'sealpost.v1.proto');
  client.sendRaw(Uint8Array.of(8));
  expect(await client.closed).toEqual({
    code: 4003,
    reason:
      'INVALID_ARGUMENT: You have passed an invalid argument to the service (argument=not a valid serialised ClientFrame).',
  });
});
