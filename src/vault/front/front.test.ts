import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  ask,
  FrontWorld,
  type FrontAnswerSeen,
  tellAndHear,
} from '../../../test/support/front-world.ts';
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

const conversation = (...writes: string[]): Promise<string> => tellAndHear(port, ...writes);

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
