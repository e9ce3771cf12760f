import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { decodeMessage } from '../../broker/index.ts';
import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';

let fixture: ApiFixture;
beforeAll(async () => {
  fixture = await startFixture({
    publicHosts: ['broker.example.com'],
    allowOrigins: ['https://console.example.com'],
    limits: { headTimeoutMs: 400, requestTimeoutMs: 800 },
  });
});
afterAll(() => fixture.api.drain(100));

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: any; // oxlint-disable-line typescript/no-explicit-any -- answers are whatever they are
}

function send(
  method: string,
  path: string,
  body: string | Buffer = '',
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = fixture.api;
    const call = request(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = String(reply.headers['content-type']).startsWith('application/json');
          const json: unknown = isJson && text !== '' ? JSON.parse(text) : undefined;
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text, json });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

const topic = '/v1/projects/p/topics/orders';

const publish = (body: unknown, headers = {}): Promise<Answer> => {
  const bytes = Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return send('POST', `${topic}:publish`, bytes, headers);
};
const lastMessage = (): ReturnType<typeof decodeMessage> =>
  decodeMessage(fixture.broker.published.at(-1)!.messages[0]!.bytes);

const conversation = (text: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(fixture.api.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });

describe('probes and strangers', () => {
  test('answers the root as the emulator does, and the probes', async () => {
    expect((await send('GET', '/')).text).toBe('Ok\n');
    expect((await send('GET', '/readyz')).status).toBe(200);
    const metrics = await send('GET', '/metrics');
    expect([metrics.text, metrics.headers['content-type']]).toEqual([
      'up 1\n',
      'text/plain; version=0.0.4',
    ]);
    const head = await send('HEAD', '/');
    expect([head.status, head.text]).toEqual([200, '']);
  });

  test('answers an unknown path with a page, not JSON, and escapes it', async () => {
    const answer = await send('GET', '/v1/nope/<script>');
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe('text/html; charset=UTF-8');
    expect(answer.text).not.toContain('<script>');
  });

  test.each([
    ['localhost', 200],
    ['LOCALHOST:1', 200],
    ['app.localhost:8085', 200],
    ['127.0.0.1', 200],
    ['[::1]:8085', 200],
    ['broker.example.com:443', 200],
    ['evil.example.com', 403],
    ['127.0.0.1.evil.example.com', 403],
    ['localhost@evil.example.com', 403],
    ['localhost:8085:1', 403],
  ])('the host %s is answered with %i', async (host, status) => {
    expect((await send('GET', '/', '', { host })).status).toBe(status);
  });

  test("refuses a foreign origin in Google's shape before anything happens", async () => {
    const answer = await send('PUT', topic, '{}', { origin: 'https://evil.example.com' });
    expect(answer.status).toBe(403);
    expect(answer.json.error).toMatchObject({ code: 403, status: 'PERMISSION_DENIED' });
    expect(answer.json.error.details[0].reason).toBe('ORIGIN_NOT_ALLOWED');
    expect(fixture.broker.topics.size).toBe(0);
    expect((await send('GET', '/', '', { origin: 'null' })).status).toBe(403);
  });

  test('serves our own origin, and an allowed one with consent', async () => {
    const own = `http://127.0.0.1:${fixture.api.port}`;
    expect((await send('GET', '/', '', { origin: own })).status).toBe(200);
    const origin = 'https://console.example.com';
    const answer = await send('OPTIONS', topic, '', { origin });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
  });
});

describe('JSON', () => {
  test('a created topic is printed as production prints it', async () => {
    const answer = await send('PUT', topic, JSON.stringify({ labels: { a: 'b' } }));
    expect(answer.headers['content-type']).toBe('application/json; charset=UTF-8');
    expect(answer.text).toBe(
      '{\n  "name": "projects/p/topics/orders",\n  "labels": {\n    "a": "b"\n  },\n  "state": "ACTIVE"\n}\n',
    );
    const compact = await send('GET', `${topic}?prettyPrint=false&alt=json&$.xgafv=2&key=k`);
    expect(compact.text).toBe(
      '{"name":"projects/p/topics/orders","labels":{"a":"b"},"state":"ACTIVE"}',
    );
    expect((await send('DELETE', topic)).text).toBe('{}\n');
  });

  test('a subscription shows the defaults', async () => {
    await send('PUT', topic, '');
    const answer = await send(
      'PUT',
      '/v1/projects/p/subscriptions/sub',
      JSON.stringify({ topic: 'projects/p/topics/orders' }),
    );
    expect(answer.json).toEqual({
      name: 'projects/p/subscriptions/sub',
      topic: 'projects/p/topics/orders',
      pushConfig: {},
      ackDeadlineSeconds: 10,
      messageRetentionDuration: '604800s',
      expirationPolicy: { ttl: '2678400s' },
      state: 'ACTIVE',
    });
  });

  test.each([
    ['{"nope": 1}', 'Invalid JSON payload received. Unknown name "nope": Cannot find field.'],
    ['[]', 'Invalid JSON payload received. Unknown name "": Root element must be a message.'],
    ['{"labels": 5}', "Invalid value at 'labels' (Map), 5"],
    ['{"labels": {"a": 5}}', "Invalid value at 'labels[0].value' (TYPE_STRING), 5"],
    [
      '{"kmsKeyName": ["x"]}',
      'Invalid JSON payload received. Unknown name "kms_key_name": Proto field is not repeating, cannot start list.',
    ],
    ['{"labels": ', 'Invalid JSON payload received. Unexpected end of string. Expected a value.'],
    [
      '{"messageRetentionDuration": "10"}',
      "Invalid value at 'message_retention_duration' (type.googleapis.com/google.protobuf.Duration), Field 'message_retention_duration', Illegal duration format; duration must end with 's'",
    ],
    [
      '{"messageRetentionDuration": "599s"}',
      'The value for message retention duration is out of bounds. You passed 9m59s in the request, but the value must be between 10m and 744h.',
    ],
  ])("%s is refused in the API's own words", async (body, message) => {
    const answer = await send('PUT', topic, body);
    expect(answer.status).toBe(400);
    expect(answer.json.error.message).toBe(message);
    expect(answer.json.error.status).toBe('INVALID_ARGUMENT');
  });

  test('unknown fields come with the violations that clients parse', async () => {
    const body = { schemaSettings: { a: 1 }, b: 2 };
    const { json } = await send('PUT', topic, JSON.stringify(body));
    expect(json.error.details).toEqual([
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [
          {
            field: 'schema_settings',
            description:
              'Invalid JSON payload received. Unknown name "a" at \'schema_settings\': Cannot find field.',
          },
          { description: 'Invalid JSON payload received. Unknown name "b": Cannot find field.' },
        ],
      },
    ]);
  });

  test('a syntax error shows the place', async () => {
    const { json } = await send('PUT', topic, '{"labels": nope}');
    expect(json.error.message).toBe(
      'Invalid JSON payload received. Unexpected token.\n{"labels": nope}\n            ^',
    );
  });

  test('depth, invalid UTF-8 and lone surrogates are refused', async () => {
    const deep = `{"labels":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect((await send('PUT', topic, deep)).json.error.message).toContain('Message too deep');
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    expect((await send('PUT', topic, bytes)).json.error.message).toBe(
      'Invalid JSON payload received. Encountered non UTF-8 code points.',
    );
    const lone = await send('PUT', topic, '{"labels": {"a": "\\ud800"}}');
    expect(lone.status).toBe(400);
  });

  test('a label called __proto__ is refused like any other bad label', async () => {
    const { json } = await send('PUT', topic, '{"labels": {"__proto__": "x"}}');
    expect(json.error.message).toContain('key "__proto__" does not conform');
  });

  test('unknown query parameters are named', async () => {
    const { json } = await send('GET', `${topic}?nope=1`);
    expect(json.error.message).toBe(
      'Invalid JSON payload received. Unknown name "nope": Cannot bind query parameter. Field \'nope\' could not be found in request message.',
    );
  });

  test('the mask is taken from body or query in either spelling', async () => {
    const path = '/v1/projects/p/subscriptions/sub';
    const body = { subscription: { ackDeadlineSeconds: '30' }, updateMask: 'ackDeadlineSeconds' };
    await send('PATCH', path, JSON.stringify(body));
    const other = { subscription: { ack_deadline_seconds: 20, labels: { BAD: 'x' } } };
    await send('PATCH', `${path}?updateMask=ack_deadline_seconds`, JSON.stringify(other));
    const updates = fixture.broker.calls.filter(([name]) => name === 'updateSubscription');
    expect(updates.map((call) => call.slice(1))).toMatchObject([
      [{ name: 'projects/p/subscriptions/sub', ackDeadlineSeconds: 30 }, ['ack_deadline_seconds']],
      [{ ackDeadlineSeconds: 20, labels: {} }, ['ack_deadline_seconds']],
    ]);
    const none = await send('PATCH', path, '{}');
    expect(none.json.error.message).toBe(
      'The update_mask in the UpdateSubscriptionRequest must be set, and must contain a non-empty paths list.',
    );
  });

  test('a POST may stand for another method, which no other method may', async () => {
    const headers = { 'x-http-method-override': 'get' };
    expect((await send('POST', topic, '', headers)).json).toMatchObject({ state: 'ACTIVE' });
    expect((await send('POST', topic)).status).toBe(404);
    const override = { 'x-http-method-override': 'DELETE' };
    expect((await send('GET', topic, '', override)).json).toMatchObject({ state: 'ACTIVE' });
    expect((await send('POST', topic, '', { 'x-http-method-override': 'TRACE' })).status).toBe(404);
  });

  test('what is not built is refused by name, fields and methods', async () => {
    const topicName = 'projects/p/topics/orders';
    const body = { topic: topicName, bigqueryConfig: { table: 'p.d.t' } };
    const field = await send('PUT', '/v1/projects/p/subscriptions/sub', JSON.stringify(body));
    expect([field.status, field.json.error.message]).toEqual([
      501,
      'The field "bigquery_config" of google.pubsub.v1.Subscription is not supported by this server.',
    ]);
    expect((await send('GET', `${topic}:getIamPolicy`)).status).toBe(501);
  });
});

describe('publish and pull', () => {
  test('takes base64 in both alphabets, padded or not, attributes of any name', async () => {
    const text =
      '{"messages":[{"data":"-_8","attributes":{"__proto__":"x","é":"ü"},"orderingKey":"k"}]}';
    const answer = await publish(Buffer.from(text));
    expect(answer.text).toBe('{\n  "messageIds": [\n    "1000"\n  ]\n}\n');
    const message = lastMessage();
    expect(Buffer.from(message.data).toString('hex')).toBe('fbff');
    expect(message.attributes).toEqual([
      ['__proto__', 'x'],
      ['é', 'ü'],
    ]);
    expect(message.orderingKey).toBe('k');
  });

  test('takes a gzipped body, and refuses a bomb and a broken one', async () => {
    const body = { messages: [{ data: 'QQ==' }] };
    const gzip = { 'content-encoding': 'gzip' };
    const good = await publish(gzipSync(JSON.stringify(body)), gzip);
    expect(good.status).toBe(200);
    const bomb = await publish(gzipSync(Buffer.alloc(20_000_000)), gzip);
    expect(bomb.json.error.message).toBe('Request payload size exceeds the limit: 10485760 bytes.');
    expect((await publish(Buffer.from('nope'), gzip)).status).toBe(400);
  });

  test("a body above the limit is refused with Google's sentence", async () => {
    const answer = await publish(Buffer.alloc(10_485_761, 0x20));
    expect([answer.status, answer.json.error.message]).toEqual([
      400,
      'Request payload size exceeds the limit: 10485760 bytes.',
    ]);
  });

  test.each([
    ['A', 'A'],
    ['QQ=', 'QQ='],
    ['Q Q=', 'Q Q='],
    ['QQ==QQ==', 'QQ==QQ=='],
    ['Łłłł', 'Łłłł'],
    ['éééé', 'éééé'],
  ])('base64 %s is refused, naming the field', async (data) => {
    const answer = await publish({ messages: [{ data }] });
    expect(answer.json.error.message).toBe(
      `Invalid value at 'messages[0].data' (TYPE_BYTES), Base64 decoding failed for "${data}"`,
    );
  });

  test('counts messages, and names what it does not know', async () => {
    expect((await publish({})).json.error.message).toBe(
      'The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.',
    );
    const many = Array.from({ length: 1001 }, () => ({ data: 'QQ==' }));
    expect((await publish({ messages: many })).json.error.message).toBe(
      'The value for message_count is too large. You passed 1001 in the request, but the maximum value is 1000.',
    );
    expect((await publish({ messages: [{ nope: 1 }] })).json.error.message).toBe(
      'Invalid JSON payload received. Unknown name "nope" at \'messages[0]\': Cannot find field.',
    );
    const bad = await send('POST', '/v1/projects/p/topics/goog1:publish', '{}');
    expect(bad.json.error.message).toContain(
      'Invalid resource name given (name=projects/p/topics/goog1).',
    );
  });

  test('pull prints messages as production does, and is empty without any', async () => {
    const path = '/v1/projects/p/subscriptions/sub:pull';
    expect((await send('POST', path, '{"maxMessages":"1"}')).text).toBe('{}\n');
    await publish({ messages: [{ data: 'QUI=', attributes: { '"q"': '\n' }, orderingKey: 'k' }] });
    const { bytes } = fixture.broker.published.at(-1)!.messages[0]!;
    const delivery = { ackId: 'ack', messageId: '7', publishTimeMs: 0, deliveryAttempt: 2, bytes };
    fixture.broker.batch = [delivery, delivery];
    const answer = await send('POST', path, '{"max_messages":1}');
    fixture.broker.batch = [];
    const message = {
      data: 'QUI=',
      attributes: { '"q"': '\n' },
      messageId: '7',
      publishTime: '1970-01-01T00:00:00.000Z',
      orderingKey: 'k',
    };
    const received = { ackId: 'ack', message, deliveryAttempt: 2 };
    const wanted = { receivedMessages: [received, received] };
    expect(answer.text).toBe(`${JSON.stringify(wanted, null, 2)}\n`);
  });

  test('an error of the broker keeps its code, and what is not one stays inside', async () => {
    fixture.broker.publishError = new Error('secret');
    const answer = await publish({ messages: [{ data: 'QQ==' }] });
    fixture.broker.publishError = undefined;
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
    expect(fixture.observed.at(-1)).toEqual(['google.pubsub.v1.Publisher.Publish', 'INTERNAL']);
  });

  test('a client that goes away ends the wait of its pull', async () => {
    fixture.broker.pullWaits = true;
    const socket = connect(fixture.api.port, '127.0.0.1');
    const body = '{"maxMessages":1}';
    socket.write(
      `POST /v1/projects/p/subscriptions/gone:pull HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const mine = (): unknown[] | undefined =>
      fixture.broker.calls.find((call) => call[1] === 'projects/p/subscriptions/gone');
    await expect.poll(mine).toBeDefined();
    const { signal } = mine()![2] as { signal: AbortSignal };
    const isAborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    socket.destroy();
    await isAborted;
    fixture.broker.pullWaits = false;
  });
});

describe('broken connections', () => {
  test('a request that is not HTTP is answered with 400', async () => {
    const answer = await conversation('NOPE\r\n\r\n');
    expect(answer).toContain('HTTP/1.1 400 Bad Request');
    expect(answer).toContain('"code": 400');
  });

  test('a body that never arrives times out', async () => {
    const head = `POST ${topic}:publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{`;
    expect(await conversation(head)).toContain('HTTP/1.1 408 Request Timeout');
  });

  test('a head that never ends times out', async () => {
    expect(await conversation('GET / HTTP/1.1\r\nHost:')).toContain('408');
  });
});

test('a body that waits for consent gets it, unless its request is refused', async () => {
  const asking = (host: string): string =>
    `PUT ${topic} HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n`;
  expect(await conversation(asking('evil.example.com'))).toMatch(/^HTTP\/1\.1 403 /);
  expect(await conversation(`${asking('localhost')}{}`)).toMatch(
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
  );
  await send('DELETE', topic);
});
