import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import { base64, liveApi } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { passTime, SocketClient, type SocketOptions } from '../support/socket-client.ts';

const live = useLiveServer();
const api = liveApi(live, 'REST', 'life');
const clients: SocketClient[] = [];

async function begin(options: SocketOptions = {}): Promise<SocketClient> {
  const client = await SocketClient.begin(live.url, options);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) if (!client.isClosed) await client.kill();
});

describe('keep-alive', () => {
  test('a client that answers pings lives on, whatever the time', async () => {
    const client = await begin();
    await passTime(live.clock, client, 300);
    expect(client.isClosed).toBe(false);
  });

  test('one that is silent is cut off, and its session may be resumed', async () => {
    const witness = await begin();
    const silent = await SocketClient.open(live.url, { autoPong: false });
    clients.push(silent);
    const { sessionId } = await silent.hello();
    await passTime(live.clock, witness, 30);
    expect(silent.isClosed).toBe(false);
    await passTime(live.clock, witness, 30);
    expect((await silent.closed).code).toBe(1006);
    const back = await SocketClient.open(live.url);
    clients.push(back);
    expect((await back.hello({ sessionId })).resumed).toBe(true);
  });

  test('one that says something, if only that, is heard', async () => {
    const witness = await begin();
    const odd = await begin({ autoPong: false });
    for (let n = 0; n < 8; n++) {
      await odd.call({ ping: {} });
      await passTime(live.clock, witness, 15);
    }
    expect(odd.isClosed).toBe(false);
  });

  test('one that says nothing at all is sent away after ten seconds', async () => {
    const client = await SocketClient.open(live.url);
    live.clock.jump(10_001);
    expect(await client.closed).toMatchObject({
      code: 4004,
      reason: 'HELLO_TIMEOUT: The first frame did not come in time.',
    });
  });

  test('one that stops reading is cut off; others are served all the while', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
    for (let n = 0; n < 32; n++) await api.publish(topic, 'x'.repeat(1_000_000));
    const witness = await begin();
    const stopped = await begin();
    const stream = await stopped.subscribe({ subscription });
    await stopped.untilMessages(stream, 1);
    stopped.ws.pause();
    const publish = { publish: { topic: await api.topic(), messages: [{ data: base64('x') }] } };
    for (let passed = 0; passed < 75; passed += 15) {
      await passTime(live.clock, witness, 15);
      expect((await witness.call(publish))['published']).toBeDefined();
    }
    stopped.ws.resume();
    expect((await stopped.closed).code).toBe(1006);
    expect(stopped.messagesOf(stream).length).toBeLessThan(32);
  });
});

describe('a server that stops', () => {
  test('answers what it was asked, says 1001, and begins nothing more', async () => {
    const topic = await api.topic();
    const client = await begin();
    const stream = await client.subscribe({ topic });
    const greeting = await SocketClient.open(live.url);
    const ids = Array.from({ length: 500 }, (_, n) =>
      client.request({ publish: { topic, messages: [{ data: base64(String(n)) }] } }),
    );
    const late = connectTcp(Number(new URL(live.url).port), '127.0.0.1');
    // Half a request behind a whole one: when that is answered, the half has been read.
    const head = 'HTTP/1.1\r\nhost: localhost\r\n';
    late.write(`GET /healthz ${head}\r\nGET /v1/websocket ${head}`);
    await once(late, 'data');
    await client.until(({ id }) => id === ids[0]);
    const stopped = live.stop();
    late.write('connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n');
    let refusal = '';
    for await (const chunk of late) refusal += String(chunk);
    expect(refusal).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(refusal).toContain('"DRAINING"');
    const end = await client.closed;
    expect(end).toMatchObject({ code: 1001, reason: expect.stringMatching(/^DRAINING: /) });
    expect(await greeting.closed).toMatchObject({ code: 1001 });
    await stopped;
    // What was read was answered, in order; what was not is for the next session.
    const answered = client.frames.filter(({ id }) => id !== stream && id !== 0);
    expect(answered.length).toBeGreaterThan(0);
    for (const frame of answered) expect(frame['published']).toBeDefined();
    await live.start();
  });

  test('waits for a client that does not answer no longer than its grace', async () => {
    const client = await begin();
    client.ws.pause();
    await live.stop();
    client.ws.resume();
    expect([1001, 1006]).toContain((await client.closed).code);
    await live.start();
  });
});
