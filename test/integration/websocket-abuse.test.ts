import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';

import { afterEach, describe, expect, test } from 'vitest';

import { base64, liveApi } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { RawSocket, type RawFrame } from '../support/raw-socket.ts';
import { dataOf, passTime, SocketClient } from '../support/socket-client.ts';

const live = useLiveServer(['--websocket-compression']);
const api = liveApi(live, 'REST', 'abuse');
const clients: SocketClient[] = [];
const mib = 1024 * 1024;
const frameBytesMax = 10 * mib + 64 * 1024;

afterEach(async () => {
  for (const client of clients.splice(0)) if (!client.isClosed) await client.close();
});

async function begin(): Promise<SocketClient> {
  const client = await SocketClient.begin(live.url);
  clients.push(client);
  return client;
}

/** Bytes that the process holds, garbage aside. */
const heldBytes = (): number => process.memoryUsage().arrayBuffers;

describe('a frame that breaks the rules ends its session, with a code and nothing more', () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
  const frames: [what: string, frames: RawFrame[], code: number][] = [
    ['of binary garbage as text', [{ opcode: 1, payload: bytes('\xff\xfe\x00') }], 1007],
    ['of binary on a JSON session', [{ opcode: 2, payload: bytes('\x00\x01\x02') }], 1003],
    ['that is no JSON', [{ opcode: 1, payload: bytes('{"id":') }], 4003],
    ['that is JSON but no frame', [{ opcode: 1, payload: bytes('[1]') }], 4003],
    ['without a mask', [{ opcode: 1, payload: bytes('{}'), masked: false }], 1002],
    ['that claims 2^62 bytes', [{ opcode: 1, length: 2n ** 62n }], 1009],
    ['that claims 2^52 bytes', [{ opcode: 1, length: 2n ** 52n }], 1009],
    ['one byte above the limit', [{ opcode: 1, length: BigInt(frameBytesMax) + 1n }], 1009],
    ['of an unknown kind', [{ opcode: 3 }], 1002],
    ['that continues nothing', [{ opcode: 0, payload: bytes('x') }], 1002],
    ['in the middle of another', [{ opcode: 1, fin: false }, { opcode: 1 }], 1002],
    ['that is a ping in pieces', [{ opcode: 9, fin: false }], 1002],
    ['that is a ping of 126 bytes', [{ opcode: 9, payload: new Uint8Array(126) }], 1002],
    ['that says it is compressed where nothing was agreed', [{ opcode: 1, rsv1: true }], 1002],
    [
      'whose pieces are each within the limit and together not',
      [
        { opcode: 1, fin: false, payload: new Uint8Array(6 * mib) },
        { opcode: 0, fin: false, payload: new Uint8Array(6 * mib) },
      ],
      1009,
    ],
  ];

  test.each(frames)('%s', async (_what, sent, code) => {
    const witness = await begin();
    const raw = await RawSocket.welcomed(live.url);
    for (const frame of sent) raw.frame(frame);
    expect((await raw.ended).code).toBe(code);
    expect((await witness.call({ ping: {} }))['pong']).toEqual({});
  });

  test('its session is not resumed', async () => {
    const raw = await RawSocket.welcomed(live.url);
    const welcome = JSON.parse(raw.texts[0]!) as { welcome: { sessionId: string } };
    raw.frame({ opcode: 1, payload: Buffer.from([0xff]) });
    await raw.ended;
    const client = await SocketClient.open(live.url);
    clients.push(client);
    const { sessionId } = welcome.welcome;
    expect((await client.hello({ sessionId })).resumed).toBe(false);
  });
});

describe('fragments', () => {
  test('of one byte make up a frame', async () => {
    const raw = await RawSocket.welcomed(live.url);
    const text = Buffer.from('{"id":5,"ping":{}}');
    for (let at = 0; at < text.length; at++) {
      const payload = text.subarray(at, at + 1);
      raw.frame({ opcode: at === 0 ? 1 : 0, fin: at === text.length - 1, payload });
    }
    expect(JSON.parse(await raw.until((each) => each.includes('pong')))).toEqual({
      id: 5,
      pong: {},
    });
    raw.socket.destroy();
  });

  test('beyond 16,384 of one message are too many', async () => {
    const raw = await RawSocket.welcomed(live.url);
    raw.frame({ opcode: 1, fin: false, payload: Buffer.from('{') });
    const spaces = { opcode: 0, fin: false, payload: Buffer.from(' ') };
    for (let n = 0; n < 16_384; n++) raw.frame(spaces);
    expect((await raw.ended).code).toBe(1008);
  });

  test('that never end are ended after a minute, however the client answers pings', async () => {
    const witness = await begin();
    const raw = await RawSocket.welcomed(live.url);
    raw.frame({ opcode: 1, fin: false, payload: Buffer.from('{') });
    const pinging = { opcode: 10, payload: Buffer.from('0') };
    for (let passed = 0; passed < 90; passed += 15) {
      raw.frame({ opcode: 0, fin: false, payload: Buffer.from(' ') });
      raw.frame(pinging);
      await passTime(live.clock, witness, 15);
    }
    expect(await raw.ended).toEqual({
      code: 4004,
      reason: 'MESSAGE_TIMEOUT: A message began and did not end in time.',
    });
  });
});

describe('compression', () => {
  const offer = { 'sec-websocket-extensions': 'permessage-deflate' };

  test('is agreed on where it is allowed, and what inflates beyond the limit is cut off', async () => {
    const witness = await begin();
    const raw = await RawSocket.welcomed(live.url, offer);
    expect(await raw.head).toContain('permessage-deflate');
    const bomb = deflateRawSync(Buffer.alloc(128 * mib, 0x20), { finishFlush: 2 });
    expect(bomb.length).toBeLessThan(mib);
    const before = heldBytes();
    let most = 0;
    raw.frame({ opcode: 1, rsv1: true, payload: bomb.subarray(0, bomb.length - 4) });
    const watching = watch(witness, () => {
      most = Math.max(most, heldBytes() - before);
      return raw.socket.closed;
    });
    expect((await raw.ended).code).toBe(1009);
    await watching;
    expect(most).toBeLessThan(48 * mib);
  });

  test('that is none is 1007', async () => {
    const raw = await RawSocket.welcomed(live.url, offer);
    raw.frame({ opcode: 1, rsv1: true, payload: Buffer.from('this is not deflated') });
    expect((await raw.ended).code).toBe(1007);
  });

  test('carries publishes and deliveries', async () => {
    const topic = await api.topic();
    const client = await SocketClient.open(live.url, { perMessageDeflate: true });
    clients.push(client);
    expect(client.ws.extensions).toBe('permessage-deflate');
    await client.hello();
    const stream = await client.subscribe({ topic });
    const text = 'sealed '.repeat(5_000);
    for (let n = 0; n < 5; n++) {
      await client.call({ publish: { topic, messages: [{ data: base64(text) }] } });
    }
    const messages = await client.untilMessages(stream, 5);
    expect(new Set(messages.map(dataOf))).toEqual(new Set([text]));
  });
});

describe('a reader that stops', () => {
  test('holds a bounded part of a large backlog, and others are served', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
    for (let n = 0; n < 40; n++) await api.publish(topic, 'x'.repeat(1_000_000));
    const stopped = await begin();
    const streams: number[] = [];
    for (let n = 0; n < 20; n++) streams.push(await stopped.subscribe({ subscription }));
    await Promise.race(streams.map((stream) => stopped.untilMessages(stream, 1)));
    stopped.ws.pause();
    const witness = await begin();
    const other = await witness.subscribe({ topic });
    const before = heldBytes();
    for (let n = 0; n < 40; n++) {
      const messages = [{ data: base64(String(n)) }];
      await witness.call({ publish: { topic, messages } });
      expect(heldBytes() - before).toBeLessThan(32 * mib);
    }
    const got = await witness.untilMessages(other, 40);
    expect(
      got
        .map(dataOf)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(stopped.ws.bufferedAmount).toBe(0);
    await stopped.kill();
  });
});

test('a million messages on one connection: flow control holds at the cap', async () => {
  const topic = await api.topic();
  const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
  const client = await begin();
  const messages = Array.from({ length: 1_000 }, () => ({ data: base64('x') }));
  for (let n = 0; n < 12; n++) await client.call({ publish: { topic, messages } });
  const wanted = { maxOutstandingMessages: 1_000_000, maxOutstandingBytes: 10 ** 12 };
  const stream = await client.subscribe({ subscription, ...wanted });
  const held = await client.untilMessages(stream, 10_000);
  await client.call({ ping: {} });
  expect(client.messagesOf(stream)).toHaveLength(10_000);
  const ackIds = held.slice(0, 1_000).map(({ ackId }) => ackId);
  await client.call({ acknowledge: { stream, ackIds } });
  await client.untilMessages(stream, 11_000);
  await client.call({ ping: {} });
  expect(client.messagesOf(stream)).toHaveLength(11_000);
});

/** Open files that the system allows this process: each connection here has two. */
const openFilesMax = Number(
  /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0,
);

/** Two thousand, where so many files may be open; a third of the limit is left to all others. */
const idleCount = Math.min(2_000, Math.max(200, Math.floor(openFilesMax / 300) * 100));

test(`${idleCount} idle sessions are kept, and one more publish reaches them all`, async () => {
  const topic = await api.topic();
  const subscription = await api.subscription(topic);
  const idle: RawSocket[] = [];
  for (let n = 0; n < idleCount; n += 100) {
    const some = Array.from({ length: 100 }, () => RawSocket.welcomed(live.url));
    idle.push(...(await Promise.all(some)));
  }
  await Promise.all(
    idle.map(async (raw) => {
      raw.text(JSON.stringify({ id: 1, subscribe: { topic } }));
      await raw.until((text) => text.includes('"subscribed"'));
    }),
  );
  await api.publish(topic, 'to all');
  await Promise.all(idle.map((raw) => raw.until((text) => text.includes(base64('to all')))));
  expect((await api.pull(subscription, 1)).length).toBe(1);
  await Promise.all(
    idle.map(async ({ socket }) => {
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
    }),
  );
});

test('a thousand requests without answer are held back, not refused', async () => {
  const topic = await api.topic();
  const client = await begin();
  const messages = [{ data: base64('x') }];
  const ids = Array.from({ length: 20_000 }, () =>
    client.request({ publish: { topic, messages } }),
  );
  await client.until(({ id }) => id === ids.at(-1));
  const answers = client.frames.filter(({ published }) => published !== undefined);
  expect(answers).toHaveLength(ids.length);
  expect(new Set(answers.map(({ id }) => id)).size).toBe(ids.length);
  const page = await (await fetch(`${live.url}/metrics`)).text();
  expect(page).toMatch(/\nsealpost_websocket_holds_total\{cause="requests"\} [1-9]/);
});

/** Looks between one answer and the next, until it is told to stop. */
async function watch(witness: SocketClient, look: () => boolean): Promise<void> {
  while (!look()) await witness.call({ ping: {} });
}
