import {
  connect,
  createServer,
  type ClientHttp2Session,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2';
import { connect as connectSocket, type AddressInfo, type Socket } from 'node:net';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { keepAlive } from './session-ping.ts';

let server: Http2Server;
let clock: VirtualClock;
let socket: Socket;
let client: ClientHttp2Session | undefined;
beforeEach(async () => {
  clock = new VirtualClock();
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  client?.destroy();
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A connection whose client's socket the test holds. */
async function open(): Promise<ServerHttp2Session> {
  const { port } = server.address() as AddressInfo;
  const accepted = new Promise<ServerHttp2Session>((resolve) => server.once('session', resolve));
  socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => undefined);
  client = connect(`http://127.0.0.1:${port}`, { createConnection: () => socket });
  client.on('error', () => undefined);
  const greeted = new Promise((resolve) => client!.once('remoteSettings', resolve));
  const session = await accepted;
  await greeted;
  session.on('error', () => undefined);
  return session;
}

/** A client that says it speaks HTTP/2 and then nothing more, ever. */
async function openMute(): Promise<ServerHttp2Session> {
  const { port } = server.address() as AddressInfo;
  const accepted = new Promise<ServerHttp2Session>((resolve) => server.once('session', resolve));
  socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 'latin1');
  const session = await accepted;
  session.on('error', () => undefined);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return session;
}

const times = { quietMs: 60_000, answerMs: 20_000 };

test('a client that answers keeps its idle connection', async () => {
  const session = await open();
  keepAlive(session, clock, times);
  for (let round = 0; round < 5; round++) {
    const pinged = new Promise((resolve) => client!.once('ping', resolve));
    await clock.advance(60_000);
    await pinged;
    // The answer is on its way behind this one's.
    await new Promise<void>((resolve) => session.ping(() => resolve()));
  }
  expect(session.destroyed).toBe(false);
  expect(clock.pendingCount).toBe(1);
});

test('a client that says nothing loses its connection, and leaves no timer', async () => {
  const session = await openMute();
  keepAlive(session, clock, times);
  const closed = new Promise((resolve) => session.once('close', resolve));
  await clock.advance(60_000);
  await clock.advance(19_999);
  expect(session.destroyed).toBe(false);
  await clock.advance(1);
  await closed;
  expect(clock.pendingCount).toBe(0);
});

test('a client whose answer is still behind other bytes is waited for', async () => {
  const session = await openMute();
  keepAlive(session, clock, times);
  await clock.advance(60_000);
  const seen = new Promise((resolve) => session.once('remoteSettings', resolve));
  socket.write('\0\0\0\u0004\0\0\0\0\0', 'latin1');
  await seen;
  await clock.advance(20_000);
  expect(session.destroyed).toBe(false);
  const closed = new Promise((resolve) => session.once('close', resolve));
  await clock.advance(20_000);
  await closed;
});
