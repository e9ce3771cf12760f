import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { LiveApi, textOf } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { RestWire } from '../support/wire.ts';

const live = useLiveServer();
const api = new LiveApi(new RestWire(() => live.url), 'projects/bad-rest');

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function send(
  path: string,
  body: string | Uint8Array<ArrayBuffer> | undefined,
  more: RequestInit = {},
): Promise<Answer> {
  const init: RequestInit = { method: 'POST', ...more };
  const reply = await fetch(`${live.url}${path}`, body === undefined ? init : { ...init, body });
  const type = reply.headers.get('content-type') ?? '';
  return { status: reply.status, type, text: await reply.text() };
}

/** The message of an answer that must be an INVALID_ARGUMENT in Google's shape. */
function refusedMessage({ status, type, text }: Answer): string {
  const { error } = JSON.parse(text) as {
    error: { code: number; status: string; message: string };
  };
  expect([status, type, error.code, error.status]).toEqual([
    400,
    'application/json; charset=UTF-8',
    400,
    'INVALID_ARGUMENT',
  ]);
  return error.message;
}

async function stillServes(): Promise<void> {
  const topic = await api.topic();
  const subscription = await api.subscription(topic);
  await api.publish(topic, 'alive');
  expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['alive']);
}

const invalidJson = 'Invalid JSON payload received.';

describe('JSON that does not fit', () => {
  const cases: [string, string | Uint8Array<ArrayBuffer>, string][] = [
    [
      'an end in the middle',
      '{"messages":[',
      `${invalidJson} Unexpected end of string. Expected a value.`,
    ],
    ['no JSON', 'messages', `${invalidJson} Unexpected token.\nmessages\n^`],
    ['an array', '[]', `${invalidJson} Unknown name "": Root element must be a message.`],
    ['a string', '"x"', `${invalidJson} Unknown name "": Root element must be a message.`],
    ['null', 'null', `${invalidJson} Unknown name "": Root element must be a message.`],
    [
      'invalid UTF-8',
      Uint8Array.from(Buffer.from('{"a":"\xff"}', 'latin1')),
      `${invalidJson} Encountered non UTF-8 code points.`,
    ],
    [
      'an unknown name',
      '{"noSuchField":1}',
      `${invalidJson} Unknown name "noSuchField": Cannot find field.`,
    ],
    [
      'an unknown name inside',
      '{"messages":[{"data":"YQ==","what":1}]}',
      `${invalidJson} Unknown name "what" at 'messages[0]': Cannot find field.`,
    ],
    [
      'bad base64',
      '{"messages":[{"data":"YQ==","attributes":{}},{"data":"a b"}]}',
      `Invalid value at 'messages[1].data' (TYPE_BYTES), Base64 decoding failed for "a b"`,
    ],
    [
      'a number for bytes',
      '{"messages":[{"data":5}]}',
      `Invalid value at 'messages[0].data' (TYPE_BYTES), 5`,
    ],
    [
      'a number for an attribute',
      '{"messages":[{"attributes":{"a":5}}]}',
      `Invalid value at 'messages[0].attributes[0].value' (TYPE_STRING), 5`,
    ],
    [
      'a lone surrogate',
      String.raw`{"messages":[{"attributes":{"a":"\ud800"}}]}`,
      `Invalid value at 'messages[0].attributes[0].value' (TYPE_STRING), "\ufffd"`,
    ],
    [
      'a number for the topic',
      '{"topic":5,"messages":[{"data":"YQ=="}]}',
      "Invalid value at 'topic' (TYPE_STRING), 5",
    ],
    [
      'a list for a message id',
      '{"messages":[{"data":"YQ==","messageId":[1]}]}',
      "Invalid value at 'messages[0].message_id' (TYPE_STRING), Starting an object on a scalar field",
    ],
    [
      'a number for a publish time',
      '{"messages":[{"data":"YQ==","publish_time":5}]}',
      "Invalid value at 'messages[0].publish_time' (type.googleapis.com/google.protobuf.Timestamp), 5",
    ],
    [
      'an object for a list',
      '{"messages":{}}',
      `Invalid value at 'messages' (type.googleapis.com/google.pubsub.v1.PubsubMessage), Starting an object on a scalar field`,
    ],
  ];

  test.each(cases)('%s in a publish', async (_, body, message) => {
    expect(refusedMessage(await send('/v1/projects/p/topics/any-topic:publish', body))).toBe(
      message,
    );
  });

  test.each(['foo', 'messages', 'messages.data', '__proto__'])(
    'the query parameter %s of a publish is refused, and standard ones are not',
    async (name) => {
      const path = `${await api.topic()}:publish`;
      const body = '{"messages":[{"data":"YQ=="}]}';
      expect(refusedMessage(await send(`/v1/${path}?alt=json&${name}=1`, body))).toBe(
        `${invalidJson} Unknown name "${name}": Cannot bind query parameter. Field '${name}' could not be found in request message.`,
      );
      const standard = '$.xgafv=2&prettyPrint=false&topic=projects/p/topics/in-vain';
      expect((await send(`/v1/${path}?${standard}`, body)).status).toBe(200);
    },
  );

  test.each([
    ['maxMessages', '{"maxMessages":"ten"}', 'TYPE_INT32'],
    ['maxMessages', '{"maxMessages":1.5}', 'TYPE_INT32'],
    ['maxMessages', '{"maxMessages":4294967296}', 'TYPE_INT32'],
    ['maxMessages', '{"maxMessages":{}}', 'TYPE_INT32'],
    ['returnImmediately', '{"maxMessages":1,"returnImmediately":"yes"}', 'TYPE_BOOL'],
  ])('a wrong %s in a pull: %s', async (_, body, type) => {
    expect(refusedMessage(await send('/v1/projects/p/subscriptions/any-sub:pull', body))).toContain(
      `(${type})`,
    );
  });

  test('a thousand levels deep is refused before it is walked', async () => {
    const deep = `{"labels":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}}`;
    const message = refusedMessage(
      await send('/v1/projects/p/topics/deep-topic', deep, { method: 'PUT' }),
    );
    expect(message).toContain('Message too deep. Max recursion depth reached for key');
    const arrays = `{"messages":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    refusedMessage(await send('/v1/projects/p/topics/deep-topic:publish', arrays));
  });

  test('fields that JavaScript objects have by nature are unknown names like any other', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const body = `{"${name}":{"polluted":true}}`;
      const answer = await send('/v1/projects/p/topics/proto-topic', body, { method: 'PUT' });
      expect(refusedMessage(answer)).toBe(
        `${invalidJson} Unknown name "${name}": Cannot find field.`,
      );
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test.each([
    '0000-12-31T23:59:59Z',
    '10000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '2023-02-29T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T23:59:60Z',
    '2024-01-01',
    'NaN',
    5,
  ])('the time %s is none', async (time) => {
    const answer = await send(
      '/v1/projects/p/subscriptions/any-sub:seek',
      JSON.stringify({ time }),
    );
    expect(refusedMessage(answer)).toBe(
      "Invalid value at 'time' (type.googleapis.com/google.protobuf.Timestamp), Field 'time', Invalid time format: Failed to parse input",
    );
  });

  test.each(['labels.__proto__', '__proto__', 'a_B', 'labels__', '*', '.', 'labels labels', 5])(
    'the mask %s is none',
    async (updateMask) => {
      const body = JSON.stringify({ subscription: {}, updateMask });
      const path = '/v1/projects/p/subscriptions/any-sub';
      expect(refusedMessage(await send(path, body, { method: 'PATCH' }))).toBe(
        "Invalid value at 'update_mask' (type.googleapis.com/google.protobuf.FieldMask), Field 'update_mask', Invalid field mask",
      );
    },
  );

  test('a mask of ten thousand paths is read, and the first wrong one named', async () => {
    const topic = await api.topic();
    const labels = Array.from({ length: 10_000 }, () => 'labels').join();
    const update = { topic: { name: topic, labels: { a: 'b' } } };
    const expected = { name: topic, labels: { a: 'b' }, state: 'ACTIVE' };
    expect(await api.call('UpdateTopic', { ...update, updateMask: labels })).toEqual(expected);
    const updateMask = `${labels},nope`;
    expect((await api.refusal('UpdateTopic', { ...update, updateMask })).message).toContain(
      ': nope is not a known Topic field.',
    );
  });

  test('a bad query parameter is named', async () => {
    const answer = await send('/v1/projects/p/topics?nope=1', undefined, { method: 'GET' });
    expect(refusedMessage(answer)).toContain('Unknown name "nope"');
  });

  test.each([
    ['gzip that is none', 'gzip', Buffer.from('plain'), 'The request body is not valid gzip.'],
    ['an unknown encoding', 'br', Buffer.from('{}'), 'The content encoding "br" is not supported.'],
    [
      'a bomb',
      'gzip',
      gzipSync(Buffer.alloc(60_000_000)),
      'Request payload size exceeds the limit: 10485760 bytes.',
    ],
  ])('%s', async (_, encoding, body, message) => {
    const headers = { 'content-encoding': encoding };
    const path = '/v1/projects/p/topics/zip-topic:publish';
    expect(refusedMessage(await send(path, Uint8Array.from(body), { headers }))).toBe(message);
  });
});

describe('requests that fit nothing', () => {
  test.each([
    ['POST', '/v1/projects/p/topics/any-topic'],
    ['DELETE', '/v1/projects/p/topics'],
    ['PUT', '/v1/projects/p'],
    ['GET', '/v2/projects/p/topics'],
    ['GET', '/v1/projects/p/topics/a%2Fb%2Fc/d'],
    ['POST', '/v1/projects/p/topics/any-topic:nope'],
    ['GET', '/..%2f..%2fetc/passwd'],
    ['PROPFIND', '/v1/projects/p/topics'],
  ])('%s %s is 404 as an HTML page', async (method, path) => {
    const { status, type } = await send(path, undefined, { method });
    expect([status, type]).toEqual([404, expect.stringContaining('text/html')]);
  });

  test.each(['%', '%zz', '%ff', '%00'])('the path segment %s is no name', async (segment) => {
    const { status } = await send(`/v1/projects/p/topics/abc${segment}`, undefined, {
      method: 'GET',
    });
    expect([400, 404]).toContain(status);
  });

  test('a verb under the wrong method belongs to the name, which then is none', async () => {
    const path = '/v1/projects/p/topics/any-topic:publish';
    expect(refusedMessage(await send(path, undefined, { method: 'GET' }))).toMatch(
      /^Invalid resource name given/,
    );
  });

  test('a content type that is none of JSON is read as JSON all the same', async () => {
    const topic = await api.topic();
    const body = Uint8Array.from(Buffer.from('{"messages":[{"data":"YQ=="}]}'));
    expect((await send(`/v1/${topic}:publish`, body)).status).toBe(200);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', '']) {
      const headers = { 'content-type': type };
      expect((await send(`/v1/${topic}:publish`, body, { headers })).status).toBe(200);
    }
  });

  test('a name of a megabyte is refused with a short answer', async () => {
    const name = 'n'.repeat(1_000_000);
    const { status, text } = await send(
      `/v1/projects/p/subscriptions/good-sub`,
      JSON.stringify({ topic: name }),
      { method: 'PUT' },
    );
    expect(status).toBe(400);
    expect(text.length).toBeLessThan(2000);
  });
});

describe('properties', () => {
  const path = '/v1/projects/p/topics/fuzzed-topic';

  test('any JSON at all is answered, and never by a fault of the server', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json({ maxDepth: 6 }),
        fc.constantFrom(
          ['PUT', path],
          ['PATCH', path],
          ['POST', `${path}:publish`],
          ['POST', '/v1/projects/p/subscriptions/fuzzed-sub:pull'],
          ['POST', '/v1/projects/p/subscriptions/fuzzed-sub:acknowledge'],
          ['PUT', '/v1/projects/p/subscriptions/fuzzed-sub'],
          ['PATCH', '/v1/projects/p/subscriptions/fuzzed-sub'],
          ['POST', '/v1/projects/p/subscriptions/fuzzed-sub:seek'],
          ['POST', '/v1/projects/p/subscriptions/fuzzed-sub:modifyPushConfig'],
          ['PUT', '/v1/projects/p/snapshots/fuzzed-snapshot'],
          ['PATCH', '/v1/projects/p/snapshots/fuzzed-snapshot'],
        ),
        async (body, [method, target]) => {
          const { status, text } = await send(target, body, { method });
          expect(status).toBeLessThan(500);
          expect(() => JSON.parse(text) as unknown).not.toThrow();
        },
      ),
      { numRuns: 300 },
    );
  });

  test('any bytes at all are answered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const { status } = await send(`${path}:publish`, Uint8Array.from(bytes));
        expect(status).toBe(400);
      }),
      { numRuns: 200 },
    );
  });

  test('any path at all is answered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.webPath(),
        fc.constantFrom('GET', 'PUT', 'DELETE'),
        async (tail, method) => {
          const { status } = await send(`/v1/projects/p${tail}`, undefined, { method });
          expect(status).toBeLessThan(500);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('what may be published is received unchanged, whatever its strings', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const key = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .filter((text) => text.isWellFormed() && !text.startsWith('goog'));
    const value = fc
      .string({ unit: 'binary', maxLength: 60 })
      .filter((text) => text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(key, value, { minKeys: 1, maxKeys: 5 }),
        fc.uint8Array({ maxLength: 100 }),
        async (attributes, bytes) => {
          const data = Buffer.from(bytes).toString('base64');
          await api.call('Publish', { topic, messages: [{ data, attributes }] });
          const pulled = await api.pull(subscription, 1);
          await api.acknowledge(subscription, pulled);
          const { message } = pulled[0]!;
          expect(message.data ?? '').toBe(data);
          expect(new Map(Object.entries(message.attributes ?? {}))).toEqual(
            new Map(Object.entries(attributes)),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test('after all of this the server serves', stillServes);
});
