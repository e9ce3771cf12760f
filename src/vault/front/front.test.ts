import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { ask, FrontWorld, type FrontAnswerSeen } from '../../../test/support/front-world.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RpcError } from '../../rpc/index.ts';
import { SystemClock } from '../../runtime/index.ts';

let world: FrontWorld;
let port: number;
beforeEach(async () => {
  world = new FrontWorld(new SystemClock());
  port = await world.listen();
});
afterEach(() => world.close());

const get = (host: string, path = '/', headers = {}): Promise<FrontAnswerSeen> =>
  ask(port, host, { path, headers });

/** What a connection is told until it is closed. */
function conversation(...writes: string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    for (const text of writes) socket.write(text, 'latin1');
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message) text += String(chunk);
  return text;
}

describe('a request to a service', () => {
  test('starts an instance and is answered by it, under any spelling of its name', async () => {
    world.single('hello-00001-abc');
    const answer = await get('hello.localhost:8085', '/x?y=1');
    expect([answer.status, answer.text]).toEqual([200, 'hello']);
    expect((await get('HELLO.localhost.')).text).toBe('hello');
    expect(world.instances.starts).toBe(1);
  });

  test('finds a page for people where there is no service', async () => {
    const answer = await get('nobody.localhost');
    expect([answer.status, answer.headers['content-type']]).toEqual([
      404,
      'text/html; charset=utf-8',
    ]);
    expect(answer.text).toContain('Error: Page not found');
    world.single('hello-00001-abc');
    expect((await get('green---hello.localhost')).status).toBe(404);
    expect(world.observed).toEqual([]);
  });

  test('goes to the revision that its tag names, and by share without one', async () => {
    world.add('hello-1');
    world.add('hello-2');
    world.route({
      hello: [
        { revisionId: 'hello-1', percent: 75 },
        { revisionId: 'hello-2', percent: 25, tag: 'green' },
      ],
    });
    expect((await get('green---hello.localhost')).status).toBe(200);
    expect(world.observed.map(({ revisionId }) => revisionId)).toEqual(['hello-2']);
    for (let count = 0; count < 400; count++) await get('hello.localhost');
    const first = world.observed.filter(({ revisionId }) => revisionId === 'hello-1').length;
    expect(first).toBeGreaterThan(250);
    expect(first).toBeLessThan(350);
  });

  test('arrives with what Cloud Run adds, and without what is of one connection', async () => {
    world.single('hello-1');
    let seen: IncomingMessage | undefined;
    world.instances.onRequest = (request, response): void => {
      seen = request;
      response.writeHead(200, [
        'Connection',
        'X-Hop',
        'X-Hop',
        '1',
        'Set-Cookie',
        'a',
        'set-cookie',
        'b',
      ]);
      response.end();
    };
    const answer = await get('hello.localhost', '/a%2Fb/?q', {
      connection: 'X-Secret, Host, keep-alive',
      'x-secret': '1',
      'proxy-authorization': 'Basic eDp5',
      te: 'trailers',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-proto': 'https',
      forwarded: 'for=10.0.0.1',
      'x-cloud-trace-context': '105445aa7843bc8bf206b12000100000/1;o=1',
      'x-kept': 'yes',
    });
    expect(seen?.url).toBe('/a%2Fb/?q');
    expect(seen?.headers).toMatchObject({
      host: 'hello.localhost',
      'x-kept': 'yes',
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
      forwarded: 'for=10.0.0.1, for="127.0.0.1";proto=http',
      'x-cloud-trace-context': '105445aa7843bc8bf206b12000100000/1;o=1',
      traceparent: '00-105445aa7843bc8bf206b12000100000-0000000000000001-01',
    });
    for (const name of ['x-secret', 'proxy-authorization', 'te']) {
      expect(seen?.headers).not.toHaveProperty(name);
    }
    expect(answer.headers['x-hop']).toBeUndefined();
    expect(answer.headers['set-cookie']).toEqual(['a', 'b']);
  });

  test('is in the request log with its status, sizes and time', async () => {
    world.single('hello-1');
    world.instances.onRequest = (request, response): void => {
      request.resume().on('end', () => response.writeHead(418).end('teapot'));
    };
    await ask(port, 'hello.localhost', {
      method: 'POST',
      path: '/brew?x',
      body: 'abc',
      headers: { 'user-agent': 'test/1' },
    });
    await expect.poll(() => world.entries.length).toBe(1);
    expect(world.entries[0]).toMatchObject({
      log: 'requests',
      severity: 'WARNING',
      instanceId: world.instances.all[0]!.id,
      httpRequest: {
        requestMethod: 'POST',
        requestUrl: 'http://hello.localhost/brew?x',
        status: 418,
        userAgent: 'test/1',
        remoteIp: '127.0.0.1',
        requestSize: '3',
        responseSize: '6',
        protocol: 'HTTP/1.1',
        latency: expect.stringMatching(/^\d+\.\d{9}s$/),
      },
    });
    expect(world.observed).toMatchObject([{ revisionId: 'hello-1', status: 418 }]);
  });

  test('is not told why nothing could be started', async () => {
    world.single('hello-1');
    const text = "User's CMEK key has been disabled. CMEK key: projects/p/x";
    world.instances.beforeReady = async (): Promise<never> => {
      throw new RpcError('FAILED_PRECONDITION', 'KEY_DISABLED', text);
    };
    const answer = await get('hello.localhost');
    expect([answer.status, answer.text]).toEqual([503, 'Service Unavailable']);
    await expect.poll(() => world.observed).toMatchObject([{ status: 503 }]);
  });
});

describe('messages', () => {
  test.each(['HEAD', 'GET'])('a %s answered with 204 or 304 has no body', async (method) => {
    world.single('hello-1');
    world.instances.onRequest = ({ url }, response): void => {
      response.writeHead(Number(url?.slice(1)), { etag: '"e"' }).end();
    };
    for (const status of [204, 304]) {
      const answer = await ask(port, 'hello.localhost', { method, path: `/${status}` });
      expect([answer.status, answer.text, answer.headers['etag']]).toEqual([status, '', '"e"']);
      expect(answer.headers['transfer-encoding']).toBeUndefined();
    }
  });

  test('a HEAD keeps the length that a GET would have', async () => {
    world.single('hello-1');
    world.instances.onRequest = (_request, response): void => {
      response.writeHead(200, { 'content-length': 12345 }).end();
    };
    const answer = await ask(port, 'hello.localhost', { method: 'HEAD' });
    expect([answer.headers['content-length'], answer.text]).toEqual(['12345', '']);
  });

  test('trailers go both ways, those that would change the message do not', async () => {
    world.single('hello-1');
    let seen: NodeJS.Dict<string> = {};
    world.instances.onRequest = (request, response): void => {
      request.resume().on('end', () => {
        seen = request.trailers;
        response.writeHead(200, { trailer: 'X-Sum' });
        response.write('body');
        response.addTrailers({ 'X-Sum': '42' });
        response.end();
      });
    };
    const call = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { host: 'hello.localhost', trailer: 'X-Check', 'transfer-encoding': 'chunked' },
      agent: false,
    });
    call.write('abc');
    call.addTrailers({ 'X-Check': '7', Authorization: 'x' });
    call.end();
    const [message] = (await once(call, 'response')) as [IncomingMessage];
    expect(await textOf(message)).toBe('body');
    expect(seen).toEqual({ 'x-check': '7' });
    expect(message.trailers).toEqual({ 'x-sum': '42' });
  });

  test('a body waits for the consent of the instance if its client asked for that', async () => {
    world.single('hello-1');
    world.instances.onRequest = (request, response): void => {
      void textOf(request).then((text) => response.end(text));
    };
    const call = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'PUT',
      headers: { host: 'hello.localhost', expect: '100-continue', 'content-length': 5 },
      agent: false,
    });
    call.flushHeaders();
    await once(call, 'continue');
    call.end('later');
    const [message] = (await once(call, 'response')) as [IncomingMessage];
    expect(await textOf(message)).toBe('later');
  });

  test('a request and its answer flow at the same time', async () => {
    world.single('hello-1');
    world.instances.onRequest = (request, response): void => {
      response.writeHead(200);
      request.pipe(response);
    };
    const call = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { host: 'hello.localhost' },
      agent: false,
    });
    call.write('one');
    const [message] = (await once(call, 'response')) as [IncomingMessage];
    expect(String((await once(message, 'data'))[0])).toBe('one');
    call.write('two');
    expect(String((await once(message, 'data'))[0])).toBe('two');
    call.end();
    await once(message, 'end');
  });

  test('an instance that dies midway never looks like the end of an answer', async () => {
    world.single('hello-1');
    world.instances.onRequest = ({ url }, response): void => {
      response.writeHead(200, url === '/length' ? { 'content-length': 100 } : {});
      response.write('half');
    };
    for (const path of ['/length', '/chunks']) {
      const call = httpRequest({
        port,
        host: '127.0.0.1',
        path,
        headers: { host: 'hello.localhost' },
        agent: false,
      }).end();
      call.on('error', () => undefined);
      const [message] = (await once(call, 'response')) as [IncomingMessage];
      await once(message, 'data');
      const error = once(message, 'error');
      world.instances.all.at(-1)!.kill();
      expect(String((await error)[0])).toContain('aborted');
      await world.instances.stopAll('dead');
    }
    const old = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? ''));
      socket.on('end', () => resolve('a clean end'));
      socket.once('data', () => world.instances.all.at(-1)!.kill());
      socket.write('GET / HTTP/1.0\r\nHost: hello.localhost\r\n\r\n');
    });
    expect(old).toBe('ECONNRESET');
  });

  test('what is no answer is unavailable, and so is an instance that does not listen', async () => {
    world.single('hello-1');
    world.instances.onRequest = ({ socket }): void => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx');
    };
    expect((await get('hello.localhost')).status).toBe(503);
    expect(world.entries.find(({ log }) => log === 'varlog/system')).toMatchObject({
      severity: 'ERROR',
      text: expect.stringMatching(
        /^The request failed because either the HTTP response was malf/,
      ) as unknown,
    });
    world.instances.all[0]!.connect = async (): Promise<never> => {
      throw new Error('ECONNREFUSED');
    };
    expect((await get('hello.localhost')).status).toBe(503);
  });

  test('a kept connection that the instance closed meanwhile costs no answer', async () => {
    world.single('hello-1');
    for (let count = 0; count < 3; count++) {
      expect((await get('hello.localhost')).status).toBe(200);
      // The sockets that the front keeps are closed as an idle server would.
      world.instances.all[0]!.server.closeIdleConnections();
    }
    const answers = await Promise.all([1, 2, 3].map(() => get('hello.localhost')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('a client that goes away is gone for the instance too', async () => {
    world.single('hello-1');
    const closed = new Promise<void>((resolve) => {
      world.instances.onRequest = (_request, response): void => {
        response.write('begin');
        response.once('close', () => resolve());
      };
    });
    const call = httpRequest({
      port,
      host: '127.0.0.1',
      headers: { host: 'hello.localhost' },
      agent: false,
    });
    call.on('error', () => undefined);
    call.end();
    await once(call, 'response');
    call.destroy();
    await closed;
    await expect.poll(() => world.observed.length).toBe(1);
  });

  test('an answer that comes before the body was read leaves the connection usable', async () => {
    world.single('hello-1');
    world.instances.onRequest = (_request, response): void => {
      response.writeHead(413, { 'content-length': 3 }).end('big');
    };
    const head = 'POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 10\r\n\r\n01234';
    const socket = connect(port, '127.0.0.1');
    socket.write(head);
    expect(String((await once(socket, 'data'))[0])).toContain('413');
    socket.write('56789GET / HTTP/1.1\r\nHost: nobody.localhost\r\nConnection: close\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toContain('404');
    socket.destroy();
  });
});

describe('what two readers could understand in two ways', () => {
  const host = 'Host: hello.localhost\r\n';
  test.each([
    ['two hosts', `GET / HTTP/1.1\r\n${host}Host: other.localhost\r\n\r\n`],
    [
      'a length and chunks',
      `POST / HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'two lengths',
      `POST / HTTP/1.1\r\n${host}Content-Length: 4\r\nContent-Length: 5\r\n\r\n12345`,
    ],
    [
      'another coding',
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'a coding twice',
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['chunks in HTTP/1.0', `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a space before a colon', `POST / HTTP/1.1\r\n${host}Content-Length : 4\r\n\r\n1234`],
    ['a folded field', `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`],
    ['a bare line feed', `GET / HTTP/1.1\n${host.trim()}\nX: a\n\n`],
    ['a target of another host', `GET http://other.localhost/ HTTP/1.1\r\n${host}\r\n`],
    ['a target that is no path', `GET secret HTTP/1.1\r\n${host}\r\n`],
    [
      'an upgrade with a body',
      `POST / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\n1234`,
    ],
    [
      'an upgrade with chunks',
      `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
  ])('%s: refused, and the connection ends', async (_name, text) => {
    world.single('hello-1');
    let count = 0;
    world.instances.onRequest = (_request, response): void => {
      count += 1;
      response.end();
    };
    const answer = await conversation(text, `GET /smuggled HTTP/1.1\r\n${host}\r\n`);
    expect(answer.startsWith('HTTP/1.1 400')).toBe(true);
    expect(count).toBe(0);
  });

  test('the absolute form of the same host is the path in it', async () => {
    world.single('hello-1');
    world.instances.onRequest = ({ url }, response): void => void response.end(url);
    const answer = await conversation(
      `GET http://hello.localhost/a?b HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    );
    expect(answer.endsWith('/a?b')).toBe(true);
  });

  test('a head of more than 16 KiB is refused', async () => {
    world.single('hello-1');
    const answer = await conversation(`GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toContain('431');
  });
});

const upgradeTo = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`;

/** Makes the instance speak `echo` after an upgrade. */
async function echoing(): Promise<void> {
  await get('hello.localhost');
  world.instances.all[0]!.server.on('upgrade', (_request, socket: Socket, head: Buffer) => {
    socket.on('error', () => undefined);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    );
    socket.write(head);
    socket.pipe(socket);
  });
}

describe('an upgrade', () => {
  test('is a tunnel to the instance until one of them ends', async () => {
    world.single('hello-1');
    await echoing();
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.write(`${upgradeTo('/ws')}early`);
    await expect.poll(() => text).toMatch(/^HTTP\/1\.1 101 [^]*Upgrade: echo\r\n\r\nearly$/);
    socket.write(' and late');
    await expect.poll(() => text.endsWith('early and late')).toBe(true);
    socket.end();
    await once(socket, 'close');
    await expect.poll(() => world.observed.at(-1)?.status).toBe(101);
    expect(world.entries.at(-1)?.httpRequest).toMatchObject({ status: 101, responseSize: '14' });
  });

  test('that the instance refuses is answered as it answers', async () => {
    world.single('hello-1');
    world.instances.onRequest = (_request, response): void => {
      response.writeHead(426, { 'content-length': 2 }).end('no');
    };
    const answer = await conversation(upgradeTo('/ws'));
    expect(answer).toMatch(/^HTTP\/1\.1 426 [^]*\r\n\r\nno$/);
  });

  test.each([
    ['a status that is none', '099 No'],
    ['a status of nothing', '000 No'],
    ['a field that only chunks can have', '426 No\r\nTrailer: x\r\nContent-Length: 0'],
    ['another way to frame it', '426 No\r\nTransfer-Encoding: gzip'],
    ['an upgrade to nothing', '101 Yes'],
  ])('that the instance answers with %s ends no more than itself', async (_, head) => {
    world.single('hello-1');
    world.instances.onRequest = ({ socket }): void => {
      socket.end(`HTTP/1.1 ${head}\r\n\r\n`);
    };
    expect(await conversation(upgradeTo('/ws'))).toMatch(/^HTTP\/1\.1 (503|426) /);
    const plain = 'GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n';
    expect(await conversation(plain)).toMatch(/^HTTP\/1\.1 (503|426) /);
  });

  test('dies with its instance', async () => {
    world.single('hello-1');
    await echoing();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(upgradeTo('/ws'));
    await once(socket, 'data');
    const closed = once(socket, 'close');
    world.instances.all[0]!.kill();
    await closed;
  });

  test('to nobody is not found', async () => {
    expect(await conversation(upgradeTo('/ws'))).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe('the time of a request', () => {
  let clock: VirtualClock;
  let held: ServerResponse[];
  beforeEach(async () => {
    await world.close();
    clock = new VirtualClock();
    world = new FrontWorld(clock);
    port = await world.listen();
    held = [];
    world.instances.onRequest = (_request, response): void => void held.push(response);
    world.single('hello-1', { timeoutSeconds: 3_600 });
  });

  test('ends with 504 if nothing was answered by then', async () => {
    const answer = get('hello.localhost');
    await expect.poll(() => held.length).toBe(1);
    const closed = once(held[0]!, 'close');
    await clock.advance(3_599_999);
    expect(world.observed).toEqual([]);
    await clock.advance(1);
    const { status, text } = await answer;
    expect([status, text]).toEqual([504, 'upstream request timeout']);
    await closed;
    await expect
      .poll(() => world.observed)
      .toEqual([{ revisionId: 'hello-1', status: 504, ms: 3_600_000 }]);
  });

  test('cuts an answer that is not whole by then', async () => {
    const call = httpRequest({
      port,
      host: '127.0.0.1',
      headers: { host: 'hello.localhost' },
      agent: false,
    }).end();
    call.on('error', () => undefined);
    await expect.poll(() => held.length).toBe(1);
    held[0]!.write('half');
    const [message] = (await once(call, 'response')) as [IncomingMessage];
    const failed = once(message.resume(), 'error');
    await clock.advance(3_600_000);
    expect(String((await failed)[0])).toContain('aborted');
    expect(world.observed).toMatchObject([{ status: 200 }]);
  });

  test('includes the wait for an instance', async () => {
    world.single('slow-1', { timeoutSeconds: 5 });
    world.instances.beforeReady = (): Promise<void> => new Promise(() => undefined);
    const answer = get('slow.localhost');
    await expect.poll(() => world.instances.starting).toBe(1);
    await clock.advance(5_000);
    expect((await answer).status).toBe(504);
  });

  test('that waited in vain at the maximum is over with 429', async () => {
    world.single('busy-1', { concurrency: 1, maxInstances: 1 });
    const first = get('busy.localhost');
    await expect.poll(() => held.length).toBe(1);
    const second = get('busy.localhost');
    // The limits of both, and the deadline of the line.
    await expect.poll(() => clock.pendingCount).toBeGreaterThanOrEqual(3);
    await clock.advance(10_000);
    const { status, text } = await second;
    expect([status, text]).toEqual([429, 'Rate exceeded.']);
    held[0]!.end('done');
    expect((await first).text).toBe('done');
  });
});

describe('a drain', () => {
  test('waits for requests in flight, and takes no more', async () => {
    world.single('hello-1');
    const held: ServerResponse[] = [];
    world.instances.onRequest = (_request, response): void => void held.push(response);
    const inFlight = get('hello.localhost');
    await expect.poll(() => held.length).toBe(1);
    let isDrained = false;
    const drained = world.front.drain(60_000).then(() => (isDrained = true));
    expect((await get('hello.localhost')).status).toBe(503);
    expect(isDrained).toBe(false);
    held[0]!.end('done');
    expect((await inFlight).text).toBe('done');
    await drained;
  });

  test('ends tunnels, which have no end of their own', async () => {
    world.single('hello-1');
    await echoing();
    const socket = connect(port, '127.0.0.1');
    socket.write(upgradeTo('/ws'));
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await world.front.drain(60_000);
    await closed;
  });

  test('does not wait for longer than it may', async () => {
    const clock = new VirtualClock();
    await world.close();
    world = new FrontWorld(clock);
    port = await world.listen();
    world.single('hello-1');
    let count = 0;
    world.instances.onRequest = (): void => void (count += 1);
    const inFlight = get('hello.localhost').catch(() => undefined);
    await expect.poll(() => count).toBe(1);
    const drained = world.front.drain(5_000);
    await clock.advance(5_000);
    await drained;
    await world.close();
    await inFlight;
  });
});
