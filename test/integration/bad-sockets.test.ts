import { once } from 'node:events';
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { SeededEntropy } from '../support/seeded-entropy.ts';
import { GrpcWire } from '../support/grpc-wire.ts';
import { LiveApi, textOf } from '../support/live-api.ts';
import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';
import { refusalOf, RestWire } from '../support/wire.ts';

const folder = temporaryFolder();
const dataDir = join(folder.path, 'data');
const server = new SealpostProcess(['serve', '--port', '0', '--data-dir', dataDir]);
let url = '';
const port = (): number => Number(new URL(url).port);
const grpc = new GrpcWire(() => new URL(url).host);
const rest = new RestWire(() => url);
const publish = '/google.pubsub.v1.Publisher/Publish';

beforeAll(async () => {
  url = await server.url();
});
afterAll(async () => {
  grpc.close();
  await server.stop();
  folder.remove();
});

/** Both wires answer on new connections, and the process that was started is the one that does. */
async function stillServes(): Promise<void> {
  const api = new LiveApi(rest, 'projects/alive');
  const topic = await api.topic();
  const subscription = await api.subscription(topic);
  await new LiveApi(grpc, 'projects/alive').publish(topic, 'alive');
  expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['alive']);
  expect(server.child.exitCode).toBeNull();
}

async function residentBytes(): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(page)?.[1]);
}

async function open(): Promise<Socket> {
  const socket = connect(port(), '127.0.0.1');
  // What the server does to the connection is what is looked at, not an accident.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Everything that the server sends until it closes. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

async function sendRaw(bytes: string | Uint8Array): Promise<string> {
  const socket = await open();
  const read = readAll(socket);
  socket.end(bytes);
  return await read;
}

const entropy = new SeededEntropy(7);
const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  entropy.fill(bytes);
  return bytes;
};

describe('bytes on the port', () => {
  test('that are no protocol: a 400 or a closed connection', async () => {
    for (let n = 0; n < 200; n++) {
      const answer = await sendRaw(noise(1 + n * 7));
      expect(answer === '' || answer.startsWith('HTTP/1.1 400 ')).toBe(true);
    }
    await stillServes();
  });

  test('that follow the HTTP/2 preface and are no frames', async () => {
    for (let n = 0; n < 100; n++) {
      const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      await sendRaw(Buffer.concat([preface, noise(9 + n * 5)]));
    }
    await stillServes();
  });

  test('a preface in single bytes, and one that is cut off', async () => {
    const socket = await open();
    for (const byte of 'PRI * HTTP/2.0\r\n\r\n') socket.write(byte);
    socket.destroy();
    await sendRaw('PRI * HT');
    await sendRaw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r');
    await sendRaw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await sendRaw('P');
    await sendRaw('');
    await stillServes();
  });

  test('a request line and headers that are too long', async () => {
    const answer = await sendRaw(`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    const header = `X-Long: ${'b'.repeat(100_000)}`;
    expect(await sendRaw(`GET / HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  test.each([
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 3'],
    ['a length and chunks', 'Content-Length: 2\r\nTransfer-Encoding: chunked'],
    ['a negative length', 'Content-Length: -1'],
    ['a space before the colon', 'Content-Length : 2'],
  ])('a request that could be smuggled: %s', async (_, headers) => {
    const head = `POST /v1/projects/p/topics/abc:publish HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n{}`;
    expect(await sendRaw(head)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('no Host, or another', async () => {
    expect(await sendRaw('GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 (400|403) /);
    expect(await sendRaw('GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 403 /,
    );
  });
});

describe('slow and half-open connections', () => {
  test('two hundred that say nothing, half a head or half a body keep nobody out', async () => {
    const head = 'POST /v1/projects/p/topics/abc:publish HTTP/1.1\r\nHost: localhost\r\n';
    const openings = ['', 'GET /v1/proj', `${head}Content-Length: 100000\r\n\r\n{"messages":[`];
    const sockets: Socket[] = [];
    for (let n = 0; n < 200; n++) {
      const socket = await open();
      socket.write(openings[n % openings.length]!);
      sockets.push(socket);
    }
    await stillServes();
    for (const socket of sockets) socket.destroy();
    await stillServes();
  });

  test('a body that ends early is not acted on', async () => {
    const api = new LiveApi(rest, 'projects/cut');
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const body = '{"messages":[{"data":"YQ=="}]}';
    const head = `POST /v1/${topic}:publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length + 1}\r\n\r\n`;
    await sendRaw(head + body);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a client that shuts its sending side down still gets its answer', async () => {
    const answer = await sendRaw(
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/Ok\n$/);
  });
});

describe('gRPC', () => {
  test('any bytes as a message: INVALID_ARGUMENT, or NOT_FOUND where they happen to be one', async () => {
    const methods = [
      publish,
      '/google.pubsub.v1.Publisher/CreateTopic',
      '/google.pubsub.v1.Publisher/UpdateTopic',
      '/google.pubsub.v1.Subscriber/CreateSubscription',
      '/google.pubsub.v1.Subscriber/Pull',
      '/google.pubsub.v1.Subscriber/Acknowledge',
      '/google.pubsub.v1.Subscriber/ModifyAckDeadline',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        fc.uint8Array({ maxLength: 200 }),
        async (path, bytes) => {
          expect((await refusalOf(grpc.send(path, bytes))).code).toBe('INVALID_ARGUMENT');
        },
      ),
      { numRuns: 400 },
    );
  });

  test('any bytes on a stream end it with INVALID_ARGUMENT', async () => {
    for (let n = 0; n < 50; n++) {
      const stream = grpc.stream({});
      stream.sendBytes(noise(n + 1));
      expect((await stream.ended).code).toBe('INVALID_ARGUMENT');
    }
  });

  test('a method or a service that is not there is UNIMPLEMENTED', async () => {
    for (const path of ['/google.pubsub.v1.Publisher/Nope', '/no.such.Service/Call']) {
      const { code } = await refusalOf(grpc.send(path, new Uint8Array(0)));
      expect(code).toBe('UNIMPLEMENTED');
    }
  });

  test('more than a message may be: RESOURCE_EXHAUSTED, and the connection lives', async () => {
    const { code } = await refusalOf(grpc.send(publish, new Uint8Array(22_000_000)));
    expect(code).toBe('RESOURCE_EXHAUSTED');
    await stillServes();
  });

  /** One request with these DATA bytes; its gRPC or HTTP status. */
  async function callRaw(
    session: ClientHttp2Session,
    data: Uint8Array,
    more: Record<string, string> = {},
  ): Promise<string> {
    const stream = session.request({
      ':method': 'POST',
      ':path': publish,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...more,
    });
    stream.on('error', () => undefined);
    let status = 'none';
    stream.on('response', (headers) => {
      status = String(headers['grpc-status'] ?? `http ${headers[':status']}`);
    });
    stream.on('trailers', (headers) => (status = String(headers['grpc-status'])));
    stream.resume();
    stream.end(data);
    await once(stream, 'close');
    return status;
  }

  test('frames that are cut off, compressed without saying so, or claim 4 GB', async () => {
    const session = connectHttp2(url);
    const frames = [
      [0],
      [0, 0, 0, 0],
      [0, 0, 0, 0, 9, 1, 2],
      [0, 0xff, 0xff, 0xff, 0xff],
      [1, 0, 0, 0, 1, 7],
      [9, 0, 0, 0, 0],
    ];
    for (const frame of frames) {
      expect(await callRaw(session, Uint8Array.from(frame))).not.toBe('0');
    }
    session.destroy();
    await stillServes();
  });

  test('a content type that is not gRPC, a GET, and an unknown compression', async () => {
    const session = connectHttp2(url);
    const empty = Uint8Array.of(0, 0, 0, 0, 0);
    expect(await callRaw(session, empty, { 'content-type': 'text/html' })).toBe('http 415');
    expect(await callRaw(session, empty, { 'grpc-encoding': 'nope' })).toMatch(/^(3|12)$/);
    expect(await callRaw(session, empty, { ':path': '/nowhere' })).toBe('12');
    session.destroy();
    await stillServes();
  });

  test('streams that are reset as soon as they are opened, with settings and pings in a row', async () => {
    for (const path of [publish, '/no.such.Service/Call']) {
      for (const type of ['application/grpc', 'text/html']) {
        const session = connectHttp2(url);
        session.on('error', () => undefined);
        await once(session, 'connect');
        for (let n = 0; n < 100; n++) {
          const stream = session.request({
            ':method': 'POST',
            ':path': path,
            'content-type': type,
          });
          stream.on('error', () => undefined);
          stream.close(constants.NGHTTP2_CANCEL);
        }
        // Node's client allows itself ten of each that are not yet answered.
        for (let n = 0; n < 9; n++) {
          session.settings({ initialWindowSize: 65_535 + n });
          session.ping(() => undefined);
        }
        await once(session, 'localSettings');
        session.destroy();
      }
    }
    await stillServes();
  });
});

test(
  'memory is bounded: thousands of bad requests leave nothing behind',
  { timeout: 60_000 },
  async () => {
    const bad = async (): Promise<void> => {
      const body = `{"messages":[{"data":"${'!'.repeat(5000)}"}]}`;
      const path = `${url}/v1/projects/p/topics/t${'x'.repeat(200)}`;
      const calls = [
        fetch(`${path}:publish`, { method: 'POST', body }).then((reply) => reply.text()),
        fetch(`${path}${'y'.repeat(100)}`).then((reply) => reply.text()),
        fetch(`${path}:nope`, { method: 'POST', body: '{' }).then((reply) => reply.text()),
        refusalOf(grpc.send(publish, noise(300))),
      ];
      await Promise.all(calls);
    };
    const round = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 25) await Promise.all(Array.from({ length: 25 }, bad));
    };
    // The first rounds fill caches, compile code and let the heap settle, which is not growth: what
    // is left behind by each of 4,000 bad requests is left behind in every round.
    await round(500);
    const grown: number[] = [];
    let before = await residentBytes();
    for (let turn = 0; turn < 4; turn++) {
      await round(1000);
      const after = await residentBytes();
      grown.push(after - before);
      before = after;
    }
    expect(Math.min(...grown)).toBeLessThan(16 * 1024 * 1024);
    await stillServes();
  },
);

test('none of it was a fault of the server: its log has no error, and it stops in order', async () => {
  const { stderr, code } = await server.stop();
  const lines = stderr.split('\n').filter((line) => line !== '');
  expect(lines.filter((line) => !/"level":[34]0/.test(line))).toEqual([]);
  expect(code).toBe(0);
});
