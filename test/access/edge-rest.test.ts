import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../support/api-fixture.ts';
import { RecordingAudit } from '../support/recording-audit.ts';
import { TableAccess } from '../support/table-access.ts';

const topic = 'projects/p-one/topics/orders';
const publishPath = `/v1/${topic}:publish`;
const body = JSON.stringify({ messages: [{ data: 'eA==' }] });
const alice = 'user:alice@example.com';

let access: TableAccess;
let audit: RecordingAudit;
let fixture: ApiFixture;

beforeEach(async () => {
  access = new TableAccess();
  access.members.set('alice', alice).set('spk_alice', alice).set('bob', 'user:bob@example.com');
  access.grant(alice, 'pubsub.topics.publish', topic);
  audit = new RecordingAudit();
  fixture = await startFixture({
    access,
    audit: { writer: audit, recordsReads: false },
    allowOrigins: ['https://console.example.com'],
  });
});

afterEach(async () => {
  await fixture.api.drain(0);
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly reason: string | undefined;
}

async function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  sent: string | undefined = method === 'POST' ? body : undefined,
): Promise<Answer> {
  const response = await fetch(`${fixture.api.url}${path}`, {
    method,
    headers,
    body: sent ?? null,
  });
  const text = await response.text();
  const [, reason] = /"reason": "(\w+)"/.exec(text) ?? [];
  return { status: response.status, headers: response.headers, text, reason };
}

const publish = (headers: Record<string, string>, query = ''): Promise<Answer> =>
  ask('POST', publishPath + query, headers);

/** Bytes as they are, on one connection, until it is closed. */
async function conversation(...requests: readonly string[]): Promise<string> {
  const socket = connect(fixture.api.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.write(requests.join(''));
  await once(socket, 'close');
  return answer;
}

function publishText(headers: readonly string[], isLast = true): string {
  const head = [
    `POST ${publishPath} HTTP/1.1`,
    'Host: localhost',
    `Content-Length: ${body.length}`,
    `Connection: ${isLast ? 'close' : 'keep-alive'}`,
    ...headers,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

const statuses = (conversed: string): string[] =>
  [...conversed.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!);

describe('a call is let in', () => {
  test.each([
    ['with a token', { authorization: 'Bearer alice' }, ''],
    ['whatever the scheme is spelled like', { authorization: 'bEARER alice' }, ''],
    ['with an API key in a header', { 'x-goog-api-key': 'spk_alice' }, ''],
    ['with an API key in the query', {}, '?key=spk_alice'],
    ['with an API key by its other name', {}, '?%24key=spk_alice'],
    ['with an escaped one', {}, '?%6bey=spk%5Falice&alt=json'],
  ])('%s', async (_what, headers, query) => {
    expect((await publish(headers, query)).status).toBe(200);
    access.isSlow = false;
    expect((await publish(headers, query)).status).toBe(200);
  });

  test('and its handler never sees the API key', async () => {
    const answer = await publish({}, '?key=spk_alice&wrong=1');
    expect([answer.status, answer.text.includes('spk_')]).toEqual([400, false]);
    expect(answer.text).toContain('wrong');
  });
});

describe('a call is refused', () => {
  test.each([
    ['without credentials', {}, ''],
    ['with an empty Bearer', { authorization: 'Bearer ' }, ''],
    ['with a scheme and nothing else', { authorization: 'Bearer' }, ''],
    ['with a list of tokens', { authorization: 'Bearer alice, Bearer bob' }, ''],
    ['with a token in the query', {}, '?access_token=alice'],
    ['with another scheme', { authorization: 'Basic alice' }, ''],
    ['as the emulator would let it in', { authorization: 'Bearer owner' }, ''],
    [
      'with a bad token, whatever good key is beside it',
      { authorization: 'Bearer x', 'x-goog-api-key': 'spk_alice' },
      '',
    ],
    ['with a key in header and query', { 'x-goog-api-key': 'spk_alice' }, '?key=spk_alice'],
    ['with two keys in the query', {}, '?key=spk_alice&key=spk_bob'],
    ['with a list of keys', { 'x-goog-api-key': 'spk_alice, spk_alice' }, ''],
  ])('%s', async (_what, headers, query) => {
    const answer = await publish(headers, query);
    expect([answer.status, answer.reason]).toEqual([401, 'ACCESS_TOKEN_TYPE_UNSUPPORTED']);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="sealpost"/);
    expect(fixture.broker.published).toEqual([]);
  });

  test.each([
    ['two tokens', ['Authorization: Bearer alice', 'Authorization: Bearer alice']],
    ['two in other spellings', ['authorization: Bearer alice', 'AUTHORIZATION: Bearer bob']],
    ['two API keys', ['X-Goog-Api-Key: spk_alice', 'x-goog-api-key: spk_alice']],
  ])('with %s in headers of their own', async (_what, headers) => {
    expect(statuses(await conversation(publishText(headers)))).toEqual(['401']);
  });

  test('with a head that is larger than any', async () => {
    const huge = [`Authorization: Bearer ${'a'.repeat(20_000)}`];
    expect(statuses(await conversation(publishText(huge)))).toEqual(['431']);
  });

  test('before its body was sent, where the client asks first', async () => {
    const expectant = { expect: '100-continue', 'content-length': String(body.length) };
    const heard: string[] = [];
    for (const authorization of ['Bearer nobody', 'Bearer alice']) {
      const asked = httpRequest(`${fixture.api.url}${publishPath}`, {
        method: 'POST',
        headers: { ...expectant, authorization },
        agent: false,
      });
      asked.on('continue', () => {
        heard.push('continue');
        asked.end(body);
      });
      asked.flushHeaders();
      const [response] = (await once(asked, 'response')) as [
        { statusCode: number; resume(): void },
      ];
      heard.push(String(response.statusCode));
      response.resume();
      asked.destroy();
    }
    expect(heard).toEqual(['401', 'continue', '200']);
  });
});

describe('each request of a connection is judged alone', () => {
  test('one after another', async () => {
    const answers = await conversation(
      publishText(['Authorization: Bearer alice'], false),
      publishText([], false),
      publishText(['Authorization: Bearer bob'], false),
      publishText(['Authorization: Bearer alice']),
    );
    expect(statuses(answers)).toEqual(['200', '401', '403', '200']);
  });
});

describe('what is open to all', () => {
  test.each(['/', '/healthz', '/readyz', '/client.js', '/no/such/path'])('GET %s', async (path) => {
    const { status } = await ask('GET', path);
    expect([200, 404]).toContain(status);
    expect(access.presented).toEqual([]);
  });

  test('a preflight, which may then send Authorization and read the challenge', async () => {
    const origin = 'https://console.example.com';
    const preflight = await ask('OPTIONS', publishPath, {
      origin,
      'access-control-request-headers': 'authorization',
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization');
    const refused = await publish({ origin });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-expose-headers')).toBe('WWW-Authenticate');
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
  });

  test('metrics are not: they need a permission on the server', async () => {
    expect((await ask('GET', '/metrics')).status).toBe(401);
    expect((await ask('HEAD', '/metrics')).status).toBe(401);
    const headers = { authorization: 'Bearer bob' };
    expect((await ask('GET', '/metrics', headers)).status).toBe(403);
    access.grant('user:bob@example.com', 'sealpost.metrics.get', 'organizations/sealpost');
    expect((await ask('GET', '/metrics', headers)).status).toBe(200);
  });

  test('a method in the place of another is judged as what it stands for', async () => {
    const override = { 'x-http-method-override': 'GET' };
    expect((await ask('POST', '/metrics', override, '')).status).toBe(401);
    expect((await ask('POST', `/v1/${topic}`, override, '')).status).toBe(401);
  });
});

describe('what a stranger may not', () => {
  const bob = { authorization: 'Bearer bob' };

  test('looks the same whether it exists or not', async () => {
    await ask('PUT', `/v1/${topic}`, { authorization: 'Bearer alice' }, '{}');
    const answers = await Promise.all(
      ['orders', 'absent'].map((id) => ask('GET', `/v1/projects/p-one/topics/${id}`, bob)),
    );
    expect(answers[0]).toMatchObject({ status: 403 });
    expect(answers[1]!.text).toBe(answers[0]!.text);
    expect(fixture.broker.calls).toEqual([]);
  });

  test('is recorded with what was missing, where it would have changed something', async () => {
    await ask('DELETE', `/v1/${topic}`, bob);
    await ask('GET', `/v1/${topic}`, bob);
    expect(audit.entries).toHaveLength(1);
    expect(audit.entries[0]).toMatchObject({
      methodName: 'google.pubsub.v1.Publisher.DeleteTopic',
      resourceName: topic,
      caller: { principalEmail: 'bob@example.com' },
      authorization: [{ resource: topic, permission: 'pubsub.topics.delete', granted: false }],
      status: { code: 'PERMISSION_DENIED' },
    });
  });

  test('the audit log names who did what he may', async () => {
    access.grant(alice, 'pubsub.topics.create', 'projects/p-one');
    await ask('PUT', `/v1/${topic}`, { authorization: 'Bearer alice' }, '{}');
    expect(audit.entries[0]).toMatchObject({
      caller: { principalEmail: 'alice@example.com' },
      authorization: [{ permission: 'pubsub.topics.create', granted: true }],
    });
  });
});

describe('a pull that waits', () => {
  const subscription = 'projects/p-one/subscriptions/orders';

  test.each([
    [
      'its permission',
      403,
      () => access.revokeGrant(alice, 'pubsub.subscriptions.consume', subscription),
    ],
    ['its credentials', 401, () => access.revoke(alice)],
  ])('ends when its caller loses %s', async (_what, status, takeAway) => {
    access.grant(alice, 'pubsub.subscriptions.consume', subscription);
    fixture.broker.pullWaits = true;
    const headers = { authorization: 'Bearer alice' };
    const pulled = ask('POST', `/v1/${subscription}:pull`, headers, '{"maxMessages":1}');
    await expect.poll(() => fixture.broker.calls.length, { timeout: 20_000 }).toBe(1);
    takeAway();
    expect((await pulled).status).toBe(status);
  });
});
