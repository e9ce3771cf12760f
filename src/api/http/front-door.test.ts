import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import { ask, FrontWorld } from '../../../test/support/front-world.ts';
import { SystemClock } from '../../runtime/index.ts';

let world: FrontWorld;
let fixture: ApiFixture;
beforeEach(async () => {
  world = new FrontWorld(new SystemClock(), { publicHosts: ['api.localhost'] });
  fixture = await startFixture({
    front: world.front,
    publicHosts: ['api.localhost'],
    limits: { headTimeoutMs: 400, requestTimeoutMs: 800, requestBytesMax: 1024 * 1024 },
  });
  world.single('hello-1');
});
afterEach(async () => {
  await fixture.api.drain(0);
  await world.close();
});

const topic = '/v1/projects/p/topics/orders';

/** What a connection is told until it is closed. */
function conversation(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(fixture.api.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.write(text, 'latin1');
  });
}

/** Resolves when a count has stopped growing. */
async function atRest(count: () => number): Promise<void> {
  let last = -1;
  const options = { interval: 300, timeout: 15_000 };
  await expect
    .poll(() => {
      const isAtRest = count() === last;
      last = count();
      return isAtRest;
    }, options)
    .toBe(true);
}

describe('hosts', () => {
  test.each([
    'localhost',
    '127.0.0.1:1',
    '[::1]',
    'run.localhost',
    'us-central1-run.localhost:8085',
    'northamerica-northeast1-run.localhost',
    'api.localhost',
  ])('%s is the API', async (host) => {
    expect((await ask(fixture.api.port, host)).text).toBe('Ok\n');
  });

  test.each([
    ['hello.localhost', 200],
    ['HELLO.LOCALHOST:8085', 200],
    ['hello.localhost.', 200],
    ['other.localhost', 404],
    ['a.run.localhost', 404],
    ['us-central1-runs.localhost', 404],
    ['.localhost', 404],
    ['hello.localhost:8085:1', 403],
    ['hello.localhost@localhost', 403],
    ['localhost.', 403],
    ['evil.example.com', 403],
  ])('%s is not, and is answered with %i', async (host, status) => {
    const answer = await ask(fixture.api.port, host, { path: topic });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain('"topic"');
  });

  test('a page of a service may not call the API, though it is of the same site', async () => {
    const { port } = fixture.api;
    const origin = `http://hello.localhost:${port}`;
    const body = '{}';
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `run.localhost:${port}`]) {
      const called = await ask(port, host, {
        method: 'PUT',
        path: topic,
        body,
        headers: { origin },
      });
      expect(called.text).toContain('ORIGIN_NOT_ALLOWED');
      const headers = { 'sec-fetch-site': 'same-site' };
      expect((await ask(port, host, { path: topic, headers })).status).toBe(403);
    }
    // Of its own origin it reaches its service, never the API.
    world.instances.onRequest = ({ url }, response): void => void response.end(`own ${url}`);
    const own = await ask(port, `hello.localhost:${port}`, {
      method: 'PUT',
      path: topic,
      body,
      headers: { origin },
    });
    expect(own.text).toBe(`own ${topic}`);
    expect(fixture.broker.topics.size).toBe(0);
  });

  test('a call over HTTP/2 to a service is not taken for one to the API', async () => {
    const { connect: connectHttp2 } = await import('node:http2');
    const session = connectHttp2(`http://127.0.0.1:${fixture.api.port}`);
    const call = session.request({
      ':method': 'POST',
      ':path': '/google.pubsub.v1.Publisher/GetTopic',
      ':authority': 'hello.localhost',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.end(Buffer.from([0, 0, 0, 0, 0]));
    const [headers] = (await once(call, 'response')) as [Record<string, string>];
    expect(headers['grpc-status']).toBe('7');
    expect(headers['grpc-message']).toContain('hello.localhost');
    session.destroy();
  });
});

describe('one connection', () => {
  test('may carry requests to services and to the API in turn', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { port } = fixture.api;
    const get = async (host: string): Promise<string> => {
      const call = httpRequest({ port, host: '127.0.0.1', headers: { host }, agent }).end();
      const [message] = (await once(call, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of message) text += String(chunk);
      return text;
    };
    for (const host of ['hello.localhost', 'localhost', 'hello.localhost', 'localhost']) {
      expect(await get(host)).toBe(host === 'localhost' ? 'Ok\n' : 'hello');
    }
    expect(fixture.api.connectionCount).toBe(1);
    agent.destroy();
  });

  test('answers in the order of its requests', async () => {
    const answer = await conversation(
      'GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/hello[^]*Ok\n$/);
  });

  test('cannot reach the API with a host that the front has seen otherwise', async () => {
    const attempts = [
      'GET http://localhost/v1/projects/p/topics HTTP/1.1\r\nHost: hello.localhost\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: hello.localhost\r\nHost: localhost\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n',
    ];
    for (const attempt of attempts) {
      expect(await conversation(attempt)).toMatch(/^HTTP\/1\.1 400 /);
    }
  });
});

describe('limits of the API', () => {
  test("do not cut a service's slow upload; a head has its time as ever", async () => {
    world.instances.onRequest = (request, response): void => {
      request.pipe(response);
    };
    const call = httpRequest({
      port: fixture.api.port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { host: 'hello.localhost', 'transfer-encoding': 'chunked' },
      agent: false,
    });
    call.write('a');
    const [message] = (await once(call, 'response')) as [IncomingMessage];
    await once(message, 'data');
    // An API request that is as slow, begun later, is cut: its limit is over.
    const slow = await conversation(
      `POST ${topic}:publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{`,
    );
    expect(slow).toMatch(/^HTTP\/1\.1 408 /);
    call.end('b');
    let rest = '';
    for await (const part of message) rest += String(part);
    expect(rest).toBe('b');
    expect(await conversation('GET / HTTP/1.1\r\nHost: hello.localhost\r\n')).toContain('408');
  });

  test('a request on a connection that had a slow upload is limited again', async () => {
    world.instances.onRequest = (request, response): void => {
      request.pipe(response);
    };
    const socket = connect(fixture.api.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.write('POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 2\r\n\r\na');
    const slow = await conversation(
      `POST ${topic}:publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{`,
    );
    expect(slow).toMatch(/^HTTP\/1\.1 408 /);
    socket.write('b');
    await expect.poll(() => text.endsWith('b\r\n0\r\n\r\n')).toBe(true);
    socket.write(`POST ${topic}:publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{`);
    await once(socket, 'close');
    expect(text).toContain('408');
  });

  test('of bytes held do not count what streams by, nor is it held', async () => {
    const size = 128 * 1024 * 1024;
    const chunk = Buffer.alloc(256 * 1024, 7);
    world.instances.onRequest = (request, response): void => {
      request.pipe(response);
    };
    const call = httpRequest({
      port: fixture.api.port,
      host: '127.0.0.1',
      method: 'PUT',
      headers: { host: 'hello.localhost', 'content-length': size },
      agent: false,
    });
    let sent = 0;
    const push = (): void => {
      while (sent < size) {
        sent += chunk.length;
        if (!call.write(chunk)) {
          call.once('drain', push);
          return;
        }
      }
      call.end();
    };
    push();
    const [message] = (await once(call, 'response')) as [IncomingMessage];
    // Nobody reads the answer: the upload rests when every buffer on the way is full.
    await atRest(() => sent);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    let received = 0;
    for await (const part of message) received += (part as Buffer).length;
    expect(received).toBe(size);
  });

  test('a client that reads slowly slows its instance down', async () => {
    let written = 0;
    world.instances.onRequest = (_request, response): void => {
      const chunk = Buffer.alloc(64 * 1024);
      const push = (): void => {
        while (written < 64 * 1024 * 1024 && response.write(chunk)) written += chunk.length;
      };
      response.on('drain', push);
      push();
    };
    const socket: Socket = connect(fixture.api.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n');
    await once(socket, 'readable');
    await atRest(() => written);
    expect(written).toBeLessThan(32 * 1024 * 1024);
    socket.destroy();
    await expect.poll(() => world.observed.length).toBe(1);
  });
});

test('a thousand requests at a time are all answered, by as few instances as that takes', async () => {
  world.single('busy-1', { concurrency: 80, maxInstances: 20 });
  world.instances.onRequest = (request, response): void => {
    request.resume().on('end', () => response.end(request.url));
  };
  const { port } = fixture.api;
  const paths = Array.from({ length: 1_000 }, (_, index) => `/${index}`);
  const answers = await Promise.all(paths.map((path) => ask(port, 'busy.localhost', { path })));
  expect(answers.map(({ text }) => text)).toEqual(paths);
  expect(world.instances.starts).toBeLessThanOrEqual(13);
});

test("a WebSocket of a service is not the API's", async () => {
  await ask(fixture.api.port, 'hello.localhost');
  world.instances.all[0]!.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${request.url}`,
    );
  });
  const upgrade = (host: string): string =>
    `GET /v1/ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://evil.example\r\n\r\n`;
  expect(await conversation(upgrade('hello.localhost'))).toMatch(/^HTTP\/1\.1 101 [^]*\/v1\/ws$/);
  expect(await conversation(upgrade('localhost'))).toMatch(/^HTTP\/1\.1 403 /);
});

test('an offer of HTTP/2 to a service is the request that it also is', async () => {
  const answer = await conversation(
    'GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*hello$/);
});

test('a drain of the API ends the front too', async () => {
  let release = (): void => undefined;
  world.instances.onRequest = (_request, response): void => {
    response.write('begun ');
    release = (): void => void response.end('ended');
  };
  const inFlight = conversation('GET / HTTP/1.0\r\nHost: hello.localhost\r\n\r\n');
  await expect.poll(() => world.instances.all[0]?.openConnections).toBe(1);
  const drained = fixture.api.drain(60_000);
  release();
  expect(await inFlight).toContain('begun ended');
  await drained;
  expect(fixture.api.connectionCount).toBe(0);
});
