import { afterEach, describe, expect, test } from 'vitest';

import { base64, LiveApi, liveApi } from '../support/live-api.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import { dataOf, SocketClient } from '../support/socket-client.ts';

const live = useLiveServer();
const api = new LiveApi(liveApi(live, 'REST').wire, 'projects/socket-revoked');
const keys = new LiveKeys(() => live.url);
const clients: SocketClient[] = [];
/** What the seed promises: counted from the call that took the key away, at the client. */
const biteMs = 1000;

afterEach(async () => {
  for (const client of clients.splice(0)) if (!client.isClosed) await client.close();
});

async function begin(): Promise<SocketClient> {
  const client = await SocketClient.begin(live.url);
  clients.push(client);
  return client;
}

async function keyed(): Promise<{ key: LiveKey; topic: string; subscription: string }> {
  const key = await keys.createGranted(api.project);
  const topic = await api.topic({ kmsKeyName: key.name });
  return { key, topic, subscription: await api.subscription(topic, { ackDeadlineSeconds: 600 }) };
}

const refusal = (key: LiveKey): object => ({
  code: 9,
  status: 'FAILED_PRECONDITION',
  reason: 'KEY_DISABLED',
  message: expect.stringContaining(`${key.version} is not enabled, current state is: DISABLED.`),
});

describe('under a revoked key', () => {
  test('streams end and publishes are refused within a second; the session lives and serves again', async () => {
    const { key, topic, subscription } = await keyed();
    const other = await api.topic();
    const client = await begin();
    const stream = await client.subscribe({ subscription });
    const ephemeral = await client.subscribe({ topic });
    const untouched = await client.subscribe({ topic: other });
    await api.publish(topic, 'before');
    const [message] = await client.untilMessages(stream, 1);
    await client.untilMessages(ephemeral, 1);
    const takenMs = performance.now();
    await keys.setState(key, 'DISABLED');
    const publish = { publish: { topic, messages: [{ data: base64('x') }] } };
    expect((await client.call(publish))['error']).toMatchObject(refusal(key));
    for (const id of [stream, ephemeral]) {
      const ended = await client.until((frame) => frame.id === id && 'error' in frame);
      expect(ended['error']).toMatchObject(refusal(key));
    }
    expect(performance.now() - takenMs).toBeLessThan(biteMs);
    const reopened = await client.call({ subscribe: { subscription } });
    expect(reopened['error']).toMatchObject(refusal(key));
    await api.publish(other, 'served');
    expect((await client.untilMessages(untouched, 1)).map(dataOf)).toEqual(['served']);
    // Acks never need the key, nor a stream that is still open.
    const settled = await client.call({ acknowledge: { stream, ackIds: [message!.ackId] } });
    expect(settled['settled']).toEqual({ results: ['DONE'] });
    await keys.setState(key, 'ENABLED');
    await api.publish(topic, 'after');
    const again = await client.subscribe({ subscription });
    expect((await client.untilMessages(again, 1)).map(dataOf)).toEqual(['after']);
  });

  test('a client that had stopped reading gets its last byte within a second, and the rest after', async () => {
    const { key, topic, subscription } = await keyed();
    const text = 'x'.repeat(100_000);
    const count = 60;
    for (let n = 0; n < count; n += 10) {
      await api.publish(topic, ...Array.from({ length: 10 }, (_, at) => `${n + at} ${text}`));
    }
    const client = await begin();
    const stream = await client.subscribe({ subscription });
    await client.untilMessages(stream, 1);
    client.ws.pause();
    const takenMs = performance.now();
    await keys.setState(key, 'DISABLED');
    expect(await api.refusal('Publish', { topic, messages: [{ data: 'YQ==' }] })).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    client.ws.resume();
    // Either it took what was on its way in time, or the connection was cut.
    const ended = client.until(({ id, error }) => id === stream && error !== undefined);
    const endMs = await ended
      .then(() => performance.now())
      .catch(async () => {
        const { atMs, code } = await client.closed;
        expect(code).toBe(1006);
        return atMs;
      });
    expect(endMs - takenMs).toBeLessThan(biteMs);
    const got = client.messagesOf(stream).length;
    expect(got).toBeLessThan(count);
    await keys.setState(key, 'ENABLED');
    live.clock.jump(601_000);
    const pulled = await api.pull(subscription, count);
    expect(new Set(pulled.map(({ message }) => message.messageId)).size).toBe(count);
  });

  test('what a client has not taken is cut off, and its session can be resumed without it', async () => {
    const { key, topic, subscription } = await keyed();
    const text = 'x'.repeat(1_000_000);
    for (let n = 0; n < 24; n++) await api.publish(topic, text);
    const client = await SocketClient.open(live.url);
    clients.push(client);
    const { sessionId } = await client.hello();
    const stream = await client.subscribe({ subscription });
    await client.untilMessages(stream, 1);
    client.ws.pause();
    await untilStill();
    await keys.setState(key, 'DISABLED');
    // It reads nothing for as long as the server waits for it.
    await untilDetached();
    client.ws.resume();
    expect((await client.closed).code).toBe(1006);
    expect(client.messagesOf(stream).length).toBeLessThan(24);
    const back = await SocketClient.open(live.url);
    clients.push(back);
    expect((await back.hello({ sessionId })).resumed).toBe(true);
    const ended = await back.until(({ id }) => id === stream);
    expect(ended['error']).toMatchObject(refusal(key));
  });
});

/** Until the server has sent a while nothing: all that the system takes for a client was taken. */
async function untilStill(): Promise<void> {
  let last = '';
  for (let same = 0; same < 50; same++) {
    const page = await metrics();
    const sent = /\nsealpost_websocket_sent_bytes_total \d+/.exec(page)?.[0] ?? '';
    if (sent !== last) same = 0;
    last = sent;
  }
}

async function untilDetached(): Promise<void> {
  while (!(await metrics()).includes('\nsealpost_websocket_detached_sessions 1\n'));
}

async function metrics(): Promise<string> {
  return await (await fetch(`${live.url}/metrics`)).text();
}
