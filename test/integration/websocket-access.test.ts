import { connect as connectTcp } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import { base64, liveApi } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { dataOf, SocketClient, type SocketOptions } from '../support/socket-client.ts';

const page = 'https://pages.example.com';
const live = useLiveServer([
  '--browser-origin',
  page,
  '--allow-origin',
  'https://console.example.com',
]);
const api = liveApi(live, 'REST', 'access');
const clients: SocketClient[] = [];

async function open(options: SocketOptions = {}): Promise<SocketClient> {
  const client = await SocketClient.open(live.url, options);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) if (!client.isClosed) await client.close();
});

interface Grant {
  readonly verb: 'publish' | 'subscribe';
  readonly resources: readonly string[];
}

async function tokenFor(grants: readonly Grant[], more: object = {}): Promise<string> {
  const response = await fetch(`${live.url}/sealpost/v1/browserTokens`, {
    method: 'POST',
    body: JSON.stringify({ subject: 'user-1', grants, ...more }),
  });
  return ((await response.json()) as { token: string }).token;
}

const withToken = (token: string): SocketOptions => ({
  protocols: ['sealpost.v1.json', `sealpost.token.${token}`],
});
const publish = (topic: string): object => ({
  publish: { topic, messages: [{ data: base64('x') }] },
});

describe('an upgrade is refused', () => {
  const refusals: [what: string, options: SocketOptions, status: number, reason?: string][] = [
    ['from another origin', { origin: 'https://evil.example' }, 403, 'ORIGIN_NOT_ALLOWED'],
    ['from no origin at all', { origin: 'null' }, 403, 'ORIGIN_NOT_ALLOWED'],
    [
      'for another host',
      { headers: { host: 'evil.example' }, origin: page },
      403,
      'HOST_NOT_ALLOWED',
    ],
    [
      'without Origin for a page of another site',
      { headers: { 'sec-fetch-site': 'cross-site' } },
      403,
      'ORIGIN_NOT_ALLOWED',
    ],
    ['at another path', { path: '/v1/websockets' }, 404],
    ['without a subprotocol', { protocols: [] }, 400],
    ['with unknown subprotocols only', { protocols: ['mqtt', 'sealpost.v2.json'] }, 400],
    ['in a version of WebSocket that nobody speaks', { protocolVersion: 8 }, 400],
  ];

  test.each(refusals)('%s', async (_what, options, status, reason) => {
    const refusal = await SocketClient.refusal(live.url, options);
    expect(refusal.status).toBe(status);
    expect(refusal.error.code).toBe(status);
    expect(refusal.reason).toBe(reason);
    expect(refusal.headers.connection).toBe('close');
  });

  test('with a handshake that is none, as JSON and without holding the connection', async () => {
    const { port } = new URL(live.url);
    const socket = connectTcp(Number(port), '127.0.0.1');
    const head = [
      'GET /v1/websocket HTTP/1.1',
      'host: localhost',
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-protocol: sealpost.v1.json',
      'sec-websocket-version: 99',
      'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('sec-websocket-version: 13\r\n');
    expect(answer).toContain('"status": "INVALID_ARGUMENT"');
  });

  test('by a request without one, which is asked to upgrade', async () => {
    const response = await fetch(`${live.url}/v1/websocket`);
    expect(response.status).toBe(426);
    expect(response.headers.get('upgrade')).toBe('websocket');
  });

  test('and a request that only offers HTTP/2 is served as it is', async () => {
    const { port } = new URL(live.url);
    const socket = connectTcp(Number(port), '127.0.0.1');
    socket.write(
      'GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n\r\n',
    );
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});

describe('origins', () => {
  test('our own, those allowed and none at all need no token', async () => {
    for (const origin of [live.url, 'https://console.example.com', undefined]) {
      const client = await open(origin === undefined ? {} : { origin });
      expect((await client.hello()).resumed).toBe(false);
    }
  });

  test('pages may open a WebSocket with a token, and nothing else', async () => {
    const topic = await api.topic();
    const token = await tokenFor([{ verb: 'publish', resources: [topic] }]);
    const client = await open({ ...withToken(token), origin: page });
    await client.hello();
    expect((await client.call(publish(topic)))['published']).toBeDefined();
    const response = await fetch(`${live.url}/v1/${topic}`, { headers: { origin: page } });
    expect(response.status).toBe(403);
  });

  test('pages without a token are sent away after hello', async () => {
    const client = await open({ origin: page });
    client.send({ hello: {} });
    expect(await client.closed).toMatchObject({
      code: 4016,
      reason: expect.stringMatching(/^TOKEN_REQUIRED: /),
    });
  });
});

describe('a token', () => {
  test('may come in the first frame', async () => {
    const topic = await api.topic();
    const token = await tokenFor([{ verb: 'publish', resources: [topic] }]);
    const client = await open({ origin: page });
    await client.hello({ token });
    expect((await client.call(publish(topic)))['published']).toBeDefined();
  });

  test('that is forged ends the session, wherever it is from', async () => {
    for (const options of [{}, { origin: page }]) {
      const client = await open({ ...options, ...withToken('a.b.c') });
      client.send({ hello: {} });
      expect(await client.closed).toMatchObject({
        code: 4016,
        reason: expect.stringMatching(/^BAD_TOKEN: /),
      });
    }
  });

  test('allows what it grants, and says nothing of the rest', async () => {
    const [mine, other] = [await api.topic(), await api.topic()];
    const subscription = await api.subscription(mine);
    const token = await tokenFor([
      { verb: 'publish', resources: [mine] },
      { verb: 'subscribe', resources: [`${api.project}/subscriptions/*`] },
    ]);
    const client = await open(withToken(token));
    await client.hello();
    await client.call(publish(mine));
    const stream = await client.subscribe({ subscription });
    expect((await client.untilMessages(stream, 1)).map(dataOf)).toEqual(['x']);
    const denied = { code: 7, status: 'PERMISSION_DENIED', reason: 'TOKEN_SCOPE' };
    for (const topic of [other, `${api.project}/topics/missing`]) {
      const published = (await client.call(publish(topic)))['error'] as { message: string };
      expect(published).toMatchObject(denied);
      expect(published.message).toBe(`The token does not allow this (resource=${topic}).`);
      expect((await client.call({ subscribe: { topic } }))['error']).toMatchObject(denied);
    }
    // Publishing to a topic is not reading it.
    expect((await client.call({ subscribe: { topic: mine } }))['error']).toMatchObject(denied);
  });

  test('that expires ends the session', async () => {
    const topic = await api.topic();
    const grants: Grant[] = [{ verb: 'subscribe', resources: [topic] }];
    const client = await open(withToken(await tokenFor(grants, { ttlSeconds: 3_600 })));
    const { sessionId } = await client.hello();
    await client.subscribe({ topic });
    live.clock.jump(1_800_000);
    await client.call({ ping: {} });
    live.clock.jump(1_800_001);
    expect(await client.closed).toMatchObject({
      code: 4016,
      reason: expect.stringMatching(/^TOKEN_EXPIRED: /),
    });
    const again = await open(withToken(await tokenFor(grants)));
    expect((await again.hello({ sessionId })).resumed).toBe(false);
  });
});

describe('resuming', () => {
  test('is for the same subject only', async () => {
    const grants: Grant[] = [{ verb: 'publish', resources: [`${api.project}/topics/*`] }];
    const first = await open(withToken(await tokenFor(grants)));
    const { sessionId } = await first.hello();
    await first.kill();
    const other = await tokenFor(grants, { subject: 'user-2' });
    for (const options of [withToken(other), {}]) {
      const thief = await open(options);
      thief.send({ hello: { sessionId } });
      expect(await thief.closed).toMatchObject({
        code: 4007,
        reason: 'SESSION_OF_ANOTHER: The session belongs to someone else.',
      });
    }
    const back = await open(withToken(await tokenFor(grants)));
    expect((await back.hello({ sessionId })).resumed).toBe(true);
  });

  test('with a token of less ends the streams that it does not cover', async () => {
    const [kept, lost] = [await api.topic(), await api.topic()];
    const all: Grant[] = [{ verb: 'subscribe', resources: [kept, lost] }];
    const first = await open(withToken(await tokenFor(all)));
    const { sessionId } = await first.hello();
    const streams = [
      await first.subscribe({ topic: kept }),
      await first.subscribe({ topic: lost }),
    ];
    await first.kill();
    const back = await open(withToken(await tokenFor([{ verb: 'subscribe', resources: [kept] }])));
    await back.hello({ sessionId });
    const ended = await back.until(({ error }) => error !== undefined);
    expect(ended).toMatchObject({ id: streams[1], error: { code: 7, reason: 'TOKEN_SCOPE' } });
    await api.publish(kept, 'goes on');
    expect((await back.untilMessages(streams[0]!, 1)).map(dataOf)).toEqual(['goes on']);
  });
});
