import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import type { Logger, LogFields } from '../../src/runtime/index.ts';
import { startFixture, type ApiFixture, type FixtureOptions } from '../support/api-fixture.ts';
import { JumpingClock } from '../support/jumping-clock.ts';
import { hasOpenssl } from '../support/test-certificates.ts';
import { TlsAuthority, type IssuedCertificate } from '../support/tls-authority.ts';

let authority: TlsAuthority;
let own: IssuedCertificate;
const fixtures: ApiFixture[] = [];
const sockets: Socket[] = [];

beforeAll(() => {
  if (!hasOpenssl) return;
  authority = new TlsAuthority();
  own = authority.server();
});

afterAll(() => authority?.remove());

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const { api } of fixtures.splice(0)) await api.drain(0);
});

type Clients = Partial<NonNullable<FixtureOptions['tls']>>;

async function serve(clients: Clients = {}, more: FixtureOptions = {}): Promise<ApiFixture> {
  const files = { cert: own.certFile, key: own.keyFile, clientCa: null, clientCrl: null };
  const tls = { ...files, clientAuth: 'optional', ...clients } as const;
  const fixture = await startFixture({ ...more, tls });
  fixtures.push(fixture);
  return fixture;
}

/** A session whose handshake is over, as its client sees it. */
async function session(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.ca, ...options });
  sockets.push(socket);
  await once(socket, 'secureConnect');
  return socket;
}

/** Everything that comes until the connection ends, however it does. */
async function conversation(socket: Socket, text: string | Buffer): Promise<string> {
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(text);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}

async function plain(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

const get = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** The status of a GET over HTTPS, with a client certificate if one is given. */
async function ask(port: number, client: Partial<IssuedCertificate> = {}): Promise<number> {
  const { cert, key } = client;
  const asked = request({
    port,
    host: '127.0.0.1',
    path: '/',
    ca: authority.ca,
    cert,
    key,
    agent: false,
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

/** What gRPC's health service says to a client of the official library. */
async function health(port: number, secure = credentials.createSsl(authority.ca)): Promise<Buffer> {
  const client = new Client(`127.0.0.1:${port}`, secure, { 'grpc.enable_retries': 0 });
  const asIs = (bytes: Buffer): Buffer => bytes;
  try {
    return await new Promise((resolve, reject) => {
      const done = (error: Error | null, reply?: Buffer): void =>
        error === null ? resolve(reply!) : reject(error);
      const path = '/grpc.health.v1.Health/Check';
      const deadline = { deadline: Date.now() + 20_000 };
      client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), deadline, done);
    });
  } finally {
    client.close();
  }
}

describe.skipIf(!hasOpenssl)('the port under TLS', () => {
  test('serves REST, gRPC of the official library and WebSocket', async () => {
    const { api } = await serve();
    expect(api.url).toBe(`https://127.0.0.1:${api.port}`);
    expect(await ask(api.port)).toBe(200);
    expect([...(await health(api.port))]).toEqual([8, 1]);
    const ws = new WebSocket(`wss://127.0.0.1:${api.port}/v1/websocket`, ['sealpost.v1.json'], {
      ca: authority.ca,
      origin: `https://127.0.0.1:${api.port}`,
    });
    await once(ws, 'open');
    ws.terminate();
  });

  test('speaks TLS 1.3 and nothing older', async () => {
    const { api } = await serve();
    const socket = await session(api.port);
    expect(socket.getProtocol()).toBe('TLSv1.3');
    await expect(session(api.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });

  test.each([
    [['h2', 'http/1.1'], 'http/1.1'],
    [['http/1.1'], 'http/1.1'],
    [['h2'], 'h2'],
  ])('of %j it chooses %s, as only gRPC is served over HTTP/2', async (offered, chosen) => {
    const { api } = await serve();
    expect((await session(api.port, { ALPNProtocols: offered })).alpnProtocol).toBe(chosen);
  });

  test('refuses a client that speaks neither protocol', async () => {
    const { api } = await serve();
    await expect(session(api.port, { ALPNProtocols: ['spdy/3'] })).rejects.toThrow(/alert/i);
  });

  test.each([
    ['HTTP', get],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['SSH', 'SSH-2.0-test\r\n'],
  ])('tells who speaks %s in the clear so, and closes', async (_what, text) => {
    const { api } = await serve();
    const answer = await conversation(await plain(api.port), text);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('This port speaks TLS: use https.');
  });

  test('a page of its own is of https, and one of http is of another origin', async () => {
    const { api } = await serve();
    const status = async (scheme: string): Promise<string | undefined> => {
      const origin = `${scheme}://localhost:${api.port}`;
      const head = `GET / HTTP/1.1\r\nHost: localhost:${api.port}\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`;
      return /\d{3}/.exec((await conversation(await session(api.port), head)).slice(9))?.[0];
    };
    expect([await status('https'), await status('http')]).toEqual(['200', '403']);
  });

  test('requests that arrive byte by byte are put together', async () => {
    const { api } = await serve();
    const socket = await session(api.port);
    const heard = conversation(socket, get.slice(0, 1));
    for (const char of get.slice(1)) socket.write(char);
    expect(await heard).toMatch(/^HTTP\/1\.1 200/);
  });

  test('a connection that is silent, or stops in its handshake, is closed in time', async () => {
    const { api } = await serve({}, { limits: { headTimeoutMs: 300 } });
    const silent = await plain(api.port);
    const halfway = await plain(api.port);
    const quiet = await session(api.port);
    const closed = [silent, halfway, quiet].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const socket of [silent, halfway, quiet]) socket.on('error', () => undefined).resume();
    halfway.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
    await Promise.all(closed);
    await expect.poll(() => api.connectionCount, { timeout: 20_000 }).toBe(0);
  });

  test('garbage after the first byte ends that connection and nothing else', async () => {
    const { api } = await serve();
    await conversation(await plain(api.port), Buffer.from([0x16, ...Buffer.alloc(200, 0xff)]));
    expect(await ask(api.port)).toBe(200);
  });

  test('a drain ends what is open', async () => {
    const { api } = await serve();
    const socket = await session(api.port);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).resume();
    await api.drain(0);
    await closed;
    expect(api.connectionCount).toBe(0);
  });
});

/** Keeps what is logged, for the errors of a reload. */
class KeptLog implements Logger {
  readonly lines: string[] = [];
  readonly #keep = (_fields: LogFields, text: string): void => void this.lines.push(text);
  readonly debug = (): void => undefined;
  readonly info = this.#keep;
  readonly warn = this.#keep;
  readonly error = this.#keep;
  readonly fatal = this.#keep;
}

describe.skipIf(!hasOpenssl)('certificates that change', () => {
  const place = (): { cert: string; key: string } => {
    const [cert, key] = [authority.at('live.pem'), authority.at('live.key')];
    copyFileSync(own.certFile, cert);
    copyFileSync(own.keyFile, key);
    return { cert, key };
  };
  const serial = async (port: number): Promise<string | undefined> =>
    (await session(port)).getPeerX509Certificate()?.serialNumber;

  test('are in use soon after both files changed, and open connections stay', async () => {
    const files = place();
    const clock = new JumpingClock();
    const { api } = await serve(files, { clock });
    const before = await session(api.port);
    const renewed = authority.server();
    copyFileSync(renewed.certFile, files.cert);
    copyFileSync(renewed.keyFile, files.key);
    const former = before.getPeerX509Certificate()?.serialNumber;
    for (let look = 0; look < 2; look++) clock.jump(2_000);
    await expect.poll(() => serial(api.port), { timeout: 20_000 }).not.toBe(former);
    expect(await conversation(before, get)).toMatch(/^HTTP\/1\.1 200/);
  });

  test('are read at once when that is asked for', async () => {
    const files = place();
    const { api } = await serve(files);
    const former = await serial(api.port);
    const renewed = authority.server();
    copyFileSync(renewed.certFile, files.cert);
    copyFileSync(renewed.keyFile, files.key);
    api.reloadTls();
    expect(await serial(api.port)).not.toBe(former);
  });

  test.each([
    [
      'a certificate without its key',
      (files: { cert: string }) => copyFileSync(authority.server().certFile, files.cert),
    ],
    [
      'half a certificate',
      (files: { cert: string }) => writeFileSync(files.cert, own.cert.subarray(0, 300)),
    ],
    ['an empty key', (files: { key: string }) => writeFileSync(files.key, '')],
  ])('%s is not used: the former pair stays, and the log says so', async (_what, damage) => {
    const files = place();
    const log = new KeptLog();
    const { api } = await serve(files, { log });
    const former = await serial(api.port);
    damage(files);
    api.reloadTls();
    expect(await serial(api.port)).toBe(former);
    expect(log.lines).toContain('the TLS files cannot be used, and those read before stay in use');
  });

  test('a pair that does not fit keeps the server from starting', async () => {
    await expect(serve({ cert: authority.server().certFile })).rejects.toThrow();
  });

  test('the log tells of an end that is near', async () => {
    const short = authority.issue('/CN=localhost', 'DNS:localhost', 3);
    const log = new KeptLog();
    await serve({ cert: short.certFile, key: short.keyFile }, { log });
    expect(log.lines).toEqual(['the TLS certificate ends soon']);
  });
});
