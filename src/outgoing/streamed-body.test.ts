import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';

import { at, failureOf, open, serve, speak } from '../../test/support/outgoing-bench.ts';
import { hasOpenssl, makeTestCertificates } from '../../test/support/test-certificates.ts';
import type { OutgoingStream, OutgoingStreamRequest } from './outgoing-client.ts';

const patience = { timeout: 20_000 };

function streamFrom(url: string, more: Partial<OutgoingStreamRequest> = {}): OutgoingStreamRequest {
  const { signal } = new AbortController();
  return { url, method: 'GET', headers: {}, timeoutMs: 10_000, idleMs: 5_000, signal, ...more };
}

async function bytesOf({ body }: OutgoingStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Writes as much as the connection takes, for as long as it takes it. */
function pour(response: ServerResponse): () => number {
  let written = 0;
  const chunk = Buffer.alloc(65_536);
  const fill = (): void => {
    while (!response.destroyed) {
      written += chunk.length;
      if (!response.write(chunk)) return;
    }
  };
  response.on('drain', fill);
  fill();
  return () => written;
}

describe('a streamed answer', () => {
  test('comes with its head first, whole, and its connection serves again', async () => {
    const { client, clock } = open();
    const sent = Buffer.alloc(3 << 20, 'sealpost');
    const endpoint = await serve((request, response) => {
      response.writeHead(206, { 'x-seen': `${request.method} ${request.headers['range']}` });
      response.end(sent);
    });
    for (let i = 0; i < 3; i++) {
      const headers = { range: 'bytes=7-' };
      const answer = await client.open(streamFrom(at(endpoint), { headers }));
      expect([answer.status, answer.headers['x-seen']]).toEqual([206, 'GET bytes=7-']);
      expect((await bytesOf(answer)).equals(sent)).toBe(true);
      await clock.settle();
    }
    expect(endpoint.sockets).toHaveLength(1);
  });

  test('to HEAD has no body', async () => {
    const { client } = open();
    const endpoint = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 77, 'x-method': request.method }).end();
    });
    const answer = await client.open(streamFrom(at(endpoint), { method: 'HEAD' }));
    expect(answer.headers).toMatchObject({ 'content-length': '77', 'x-method': 'HEAD' });
    expect(await bytesOf(answer)).toHaveLength(0);
  });

  test('that is a redirect is an answer, not followed', async () => {
    const { client } = open();
    const endpoint = await serve((_request, response) => {
      response.writeHead(307, { location: 'http://169.254.169.254/' }).end();
    });
    const answer = await client.open(streamFrom(at(endpoint)));
    expect([answer.status, answer.headers['location']]).toEqual([307, 'http://169.254.169.254/']);
    answer.body.destroy();
  });

  test('flows no faster than it is read, and a slow reader is not an idle server', async () => {
    const { client, clock } = open();
    let written = (): number => 0;
    const endpoint = await serve((_request, response) => {
      written = pour(response);
    });
    const { body } = await client.open(streamFrom(at(endpoint)));
    await once(body, 'readable');
    let before = -1;
    const stands = (): boolean => before === (before = written());
    await expect.poll(stands, patience).toBe(true);
    await clock.advance(60_000);
    // What the systems of both ends hold, and no more.
    expect(written()).toBeLessThan(32 << 20);
    expect(body.readableLength).toBeLessThan(1 << 20);
    expect(body.errored).toBeNull();
    let read = 0;
    for await (const chunk of body) if ((read += (chunk as Buffer).length) > before + 1) break;
    expect(read).toBeGreaterThan(before);
    await expect.poll(() => endpoint.sockets[0]?.destroyed, patience).toBe(true);
  });

  test.skipIf(!hasOpenssl)('comes over TLS too (needs openssl)', async () => {
    const certificates = makeTestCertificates();
    const { client } = open({ caFile: certificates.caFile });
    const endpoint = await serve((_request, response) => response.end('sealed'), certificates);
    const answer = await client.open(streamFrom(`https://127.0.0.1:${endpoint.port}/`));
    expect((await bytesOf(answer)).toString()).toBe('sealed');
  });
});

describe('a stream ends', () => {
  test('when its signal says so: the connection is reset, and the reason is thrown', async () => {
    const { client, clock } = open();
    const endpoint = await serve((_request, response) => void pour(response));
    const life = new AbortController();
    const { signal } = life;
    const answer = await client.open(streamFrom(at(endpoint), { signal }));
    const reading = bytesOf(answer);
    life.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await expect.poll(() => endpoint.sockets[0]?.destroyed, patience).toBe(true);
    client.close();
    expect(clock.pendingCount).toBe(0);
  });

  test('with the client', async () => {
    const { client } = open();
    const endpoint = await serve((_request, response) => void pour(response));
    const answer = await client.open(streamFrom(at(endpoint)));
    const failure = failureOf(bytesOf(answer));
    client.close();
    expect((await failure)[0]).toBe('aborted');
    expect((await failureOf(client.open(streamFrom(at(endpoint)))))[0]).toBe('aborted');
  });

  test.each([
    ['says nothing', ''],
    ['stops within its head', 'HTTP/1.1 200 OK\r\nx:'],
  ])('in time when its server %s', async (_, text) => {
    const { client, clock } = open();
    const endpoint = await speak((socket) => socket.once('data', () => socket.write(text)));
    const failure = failureOf(client.open(streamFrom(at(endpoint))));
    await expect.poll(() => endpoint.sockets[0]?.bytesRead, patience).toBeGreaterThan(0);
    await clock.advance(10_000);
    expect((await failure)[0]).toBe('timeout');
    await expect.poll(() => endpoint.sockets[0]?.destroyed, patience).toBe(true);
  });

  test('when it stands still, but not while it drips', async () => {
    const { client, clock } = open();
    let drip = (): void => undefined;
    const endpoint = await speak((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n'));
      drip = () => void socket.write('x');
    });
    const { body } = await client.open(streamFrom(at(endpoint)));
    let read = 0;
    body.on('data', (chunk: Buffer) => (read += chunk.length));
    const failed = once(body, 'error');
    for (let second = 1; second <= 12; second++) {
      drip();
      await expect.poll(() => read, patience).toBe(second);
      await clock.advance(1_000);
    }
    expect(body.errored).toBeNull();
    await clock.advance(5_000);
    expect(await failed).toMatchObject([{ failure: 'timeout' }]);
    await expect.poll(() => endpoint.sockets[0]?.destroyed, patience).toBe(true);
  });

  test.each([
    ['a length that lies', 'content-length: 10\r\n\r\nabc'],
    ['a chunk that lies', 'transfer-encoding: chunked\r\n\r\n9\r\nabc'],
    ['a chunk of no length', 'transfer-encoding: chunked\r\n\r\nzz\r\n'],
  ])('where it breaks, after %s', async (_, text) => {
    const { client } = open();
    const endpoint = await speak((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${text}`));
    });
    const answer = await client.open(streamFrom(at(endpoint)));
    expect((await failureOf(bytesOf(answer)))[0]).toBe('unreachable');
  });

  test.each(['NOPE\r\n\r\n', 'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'])(
    'before it began, with the answer %j',
    async (text) => {
      const { client } = open();
      const endpoint = await speak((socket) => socket.once('data', () => socket.write(text)));
      expect((await failureOf(client.open(streamFrom(at(endpoint)))))[0]).toBe('malformed answer');
    },
  );

  test('and gives its place to the next; until then that waits', async () => {
    const { client, clock } = open({ limits: { requestsPerHostMax: 1 } });
    const endpoint = await serve((_request, response) => response.end('ok'));
    const first = await client.open(streamFrom(at(endpoint)));
    let isOpen = false;
    const second = client.open(streamFrom(at(endpoint))).finally(() => (isOpen = true));
    await clock.settle();
    expect(isOpen).toBe(false);
    first.body.destroy();
    expect((await bytesOf(await second)).toString()).toBe('ok');
    expect(clock.pendingCount).toBeLessThanOrEqual(1);
  });
});

test('a stream is refused where a request is', async () => {
  const { client } = open({ policy: { isLoopbackOnly: false } });
  const refused = failureOf(client.open(streamFrom('http://127.0.0.1:1/')));
  expect((await refused)[0]).toBe('address refused');
  const injected = streamFrom('http://127.0.0.1:1/', { headers: { 'x-a': 'b\r\nc' } });
  expect((await failureOf(client.open(injected)))[0]).toBe('request refused');
});
