import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';

import {
  agreeing,
  at,
  bodyOf,
  failureOf,
  open,
  requestTo,
  saying,
  serve,
  speak,
  textOf,
} from '../../test/support/outgoing-bench.ts';

describe('a request', () => {
  test('arrives with its method, path, headers and body, and its answer comes back', async () => {
    const { client } = open();
    const endpoint = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        const seen = `${request.method} ${request.url}`;
        response.writeHead(207, { 'x-seen': seen, 'set-cookie': ['a', 'b'] });
        const { host, connection, 'x-own': own } = request.headers;
        response.end(`${String(own)} ${host} ${connection} ${body.toString()}`);
      });
    });
    const answer = await client.send(
      requestTo(at(endpoint, '/a%20b?c=d'), { headers: { 'x-own': '1' } }),
    );
    expect(answer.status).toBe(207);
    expect(answer.headers).toMatchObject({ 'x-seen': 'POST /a%20b?c=d', 'set-cookie': 'a, b' });
    expect(textOf(answer)).toBe(`1 127.0.0.1:${endpoint.port} keep-alive hello`);
  });

  test.each([301, 302, 303, 307, 308])(
    '%i to elsewhere is an answer, not followed',
    async (status) => {
      const { client } = open();
      const paths: unknown[] = [];
      const endpoint = await serve((request, response) => {
        paths.push(request.url);
        response.writeHead(status, { location: 'http://169.254.169.254/latest/' }).end();
      });
      const answer = await client.send(requestTo(at(endpoint, '/a')));
      expect([answer.status, answer.headers['location'], paths]).toEqual([
        status,
        'http://169.254.169.254/latest/',
        ['/a'],
      ]);
    },
  );

  test('with GET carries no body of its own', async () => {
    const { client } = open();
    const endpoint = await serve((request, response) => response.end(request.method));
    const request = requestTo(at(endpoint), { method: 'GET', body: new Uint8Array(0) });
    expect(textOf(await client.send(request))).toBe('GET');
  });

  test('whose only answer is 102 was taken over', async () => {
    const { client } = open();
    const endpoint = await speak((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 102 Processing\r\n\r\n'));
    });
    expect((await client.send(requestTo(at(endpoint)))).status).toBe(102);
  });

  test('whose answer follows on 102 has that answer', async () => {
    const { client } = open();
    const endpoint = await serve((_request, response) => {
      response.writeProcessing();
      response.writeHead(500).end();
    });
    expect((await client.send(requestTo(at(endpoint)))).status).toBe(500);
  });
});

describe('connections', () => {
  test('are used again', async () => {
    const { client } = open();
    const endpoint = await serve(agreeing);
    for (let i = 0; i < 20; i++) await client.send(requestTo(at(endpoint)));
    expect(endpoint.sockets).toHaveLength(1);
  });

  test('are bounded to one host; the rest wait their turn', async () => {
    const { client } = open({ limits: { requestsPerHostMax: 3 } });
    const endpoint = await serve(agreeing);
    const sent = Array.from({ length: 30 }, () => client.send(requestTo(at(endpoint))));
    const answers = await Promise.all(sent);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(endpoint.sockets.length).toBeLessThanOrEqual(3);
  });

  test('are bounded over many hosts, and each host has its turn', async () => {
    const { client } = open({
      resolve: () => Promise.resolve(['127.0.0.1']),
      limits: { requestsMax: 5, requestsPerHostMax: 2, idleMax: 4 },
    });
    let running = 0;
    let most = 0;
    const endpoint = await serve((request, response) => {
      most = Math.max(most, ++running);
      request.resume().on('end', () => {
        running -= 1;
        response.end();
      });
    });
    const hosts = Array.from({ length: 100 }, (_, i) => `http://h${i}.test:${endpoint.port}/`);
    await Promise.all([...hosts, ...hosts].map((url) => client.send(requestTo(url))));
    expect(most).toBeLessThanOrEqual(5);
    const open4 = (): number => endpoint.sockets.filter(({ destroyed }) => !destroyed).length;
    await expect.poll(open4, { timeout: 10_000 }).toBeLessThanOrEqual(4);
  });

  test('that nobody needs are closed after half a minute', async () => {
    const { client, clock } = open();
    const endpoint = await serve(agreeing);
    await client.send(requestTo(at(endpoint)));
    const closed = once(endpoint.sockets[0]!, 'close');
    await clock.advance(30_000);
    await closed;
    expect(clock.pendingCount).toBe(0);
    await client.send(requestTo(at(endpoint)));
    expect(endpoint.sockets).toHaveLength(2);
  });

  test('that the server closed as they were taken are made anew', async () => {
    const { client } = open();
    let answered = 0;
    const endpoint = await speak((socket) => {
      // The second request on a connection meets its end.
      socket.once('data', () => {
        answered += 1;
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
        socket.once('data', () => socket.destroy());
      });
    });
    for (let i = 0; i < 5; i++)
      expect((await client.send(requestTo(at(endpoint)))).status).toBe(200);
    expect([answered, endpoint.sockets.length]).toEqual([5, 5]);
  });

  test('do not outlive a request whose body the server did not read', async () => {
    const { client } = open();
    const endpoint = await speak((socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n');
      });
    });
    const body = new Uint8Array(16 << 20);
    expect((await client.send(requestTo(at(endpoint), { body }))).status).toBe(413);
    const [socket] = endpoint.sockets;
    socket!.resume();
    await once(socket!, 'close');
  });

  test('end with the client, and so do its requests', async () => {
    const { client } = open();
    const endpoint = await serve(() => undefined);
    const sent = failureOf(client.send(requestTo(at(endpoint))));
    await expect.poll(() => endpoint.sockets.length, { timeout: 10_000 }).toBe(1);
    client.close();
    expect((await sent)[0]).toBe('aborted');
    expect((await failureOf(client.send(requestTo(at(endpoint)))))[0]).toBe('aborted');
  });
});

describe('an answer', () => {
  test('is cut to what is kept, and its connection serves again', async () => {
    const { client } = open();
    const endpoint = await serve((request, response) => {
      request.resume().on('end', () => response.end('x'.repeat(60_000)));
    });
    for (let i = 0; i < 3; i++) {
      expect(textOf(await client.send(requestTo(at(endpoint), { responseBytesMax: 7 })))).toBe(
        'xxxxxxx',
      );
    }
    expect(endpoint.sockets).toHaveLength(1);
  });

  test('without end costs its connection, and no more', async () => {
    const { client } = open();
    const endpoint = await serve((_request, response) => {
      const fill = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      };
      response.on('drain', fill);
      fill();
    });
    const answer = await client.send(requestTo(at(endpoint), { responseBytesMax: 10 }));
    expect([answer.status, answer.body.length]).toEqual([200, 10]);
    await expect.poll(() => endpoint.sockets[0]?.destroyed, { timeout: 10_000 }).toBe(true);
  });

  test.each([
    ['no HTTP', 'NOPE\r\n\r\n'],
    ['of another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['with a header that is none', 'HTTP/1.1 200 OK\r\nbad header\r\n\r\n'],
    ['of two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc'],
    ['with a chunk of no length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['with a giant header', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`],
    ['with many headers', `HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(40)}\r\n`.repeat(1_000)}\r\n`],
    [
      'in another protocol from here on',
      'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ],
  ])('%s is malformed', async (_, text) => {
    const { client } = open();
    const endpoint = await speak(saying(text));
    const [failure] = await failureOf(client.send(requestTo(at(endpoint))));
    expect(failure).toBe('malformed answer');
    await expect.poll(() => endpoint.sockets[0]?.destroyed, { timeout: 10_000 }).toBe(true);
  });

  test('that ends before its end is malformed', async () => {
    const { client } = open();
    const endpoint = await speak((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'));
    });
    expect((await failureOf(client.send(requestTo(at(endpoint)))))[0]).toBe('malformed answer');
  });

  test('that never came is unreachable', async () => {
    const { client } = open();
    const endpoint = await speak((socket) => {
      socket.once('data', () => socket.destroy());
    });
    expect((await failureOf(client.send(requestTo(at(endpoint)))))[0]).toBe('unreachable');
  });

  test('cannot come from where nobody listens', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => {
      free.close(resolve);
    });
    expect(await failureOf(open().client.send(requestTo(at({ port }))))).toEqual([
      'unreachable',
      `127.0.0.1 port ${port} cannot be reached: ECONNREFUSED.`,
    ]);
  });
});

describe('the time of a request', () => {
  test.each([
    ['says nothing', ''],
    ['stops within its head', 'HTTP/1.1 200 OK\r\nx:'],
    ['stops within its body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'],
  ])('ends one whose server %s', async (_, text) => {
    const { client, clock } = open();
    const endpoint = await speak(saying(text));
    const sent = failureOf(client.send(requestTo(at(endpoint), { timeoutMs: 5_000 })));
    await expect.poll(() => endpoint.sockets[0]?.bytesRead, { timeout: 10_000 }).toBeGreaterThan(0);
    await clock.advance(4_999);
    expect(endpoint.sockets[0]?.destroyed).toBe(false);
    await clock.advance(1);
    expect(await sent).toEqual(['timeout', 'There was no whole answer within 5 s.']);
    await expect.poll(() => endpoint.sockets[0]?.destroyed, { timeout: 10_000 }).toBe(true);
  });

  test('is not prolonged by a server that drips', async () => {
    const { client, clock } = open();
    let drip = (): void => undefined;
    const endpoint = await speak((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n'));
      drip = () => void socket.write('x');
    });
    const sent = failureOf(client.send(requestTo(at(endpoint), { timeoutMs: 5_000 })));
    await expect.poll(() => endpoint.sockets[0]?.bytesRead, { timeout: 10_000 }).toBeGreaterThan(0);
    for (let second = 0; second < 5; second++) {
      drip();
      await clock.advance(1_000);
    }
    expect((await sent)[0]).toBe('timeout');
  });

  test('runs while it waits for its turn, and for a name', async () => {
    const { client, clock } = open({
      limits: { requestsMax: 1 },
      resolve: () => new Promise(() => undefined),
    });
    const first = failureOf(client.send(requestTo('http://slow.test/', { timeoutMs: 3_000 })));
    const second = failureOf(client.send(requestTo('http://slow.test/', { timeoutMs: 1_000 })));
    await clock.advance(1_000);
    expect((await second)[0]).toBe('timeout');
    await clock.advance(2_000);
    expect((await first)[0]).toBe('timeout');
    expect(clock.pendingCount).toBe(0);
  });

  test('leaves no timer behind when it was enough', async () => {
    const { client, clock } = open();
    const endpoint = await serve(agreeing);
    await client.send(requestTo(at(endpoint)));
    client.close();
    expect(clock.pendingCount).toBe(0);
  });
});
