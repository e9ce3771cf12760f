import { describe, expect, test } from 'vitest';

import {
  agreeing,
  at,
  failureOf,
  open,
  requestTo,
  serve,
} from '../../test/support/outgoing-bench.ts';

describe('what may not be sent is refused before a connection is made', () => {
  test.each([
    ['x-a', 'b\r\nx-injected: 1'],
    ['x-a', 'b\nc'],
    ['x-a', 'b\rc'],
    ['x-a', 'b\u0000c'],
    ['x-a', 'b\u007f'],
    ['x-a', 'b\u0085c'],
    ['x-a', '한글'],
    ['x-a', 'b\u2028c'],
    ['x a', 'b'],
    ['x-a:', 'b'],
    ['x-a\r\nx-b', 'c'],
    ['', 'b'],
    ['X-A', 'b'],
    ['host', 'metadata.google.internal'],
    ['content-length', '0'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'close'],
    ['expect', '100-continue'],
    ['upgrade', 'h2c'],
  ])('the header %j: %j', async (name, value) => {
    const { client } = open();
    const endpoint = await serve(agreeing);
    const sent = client.send(requestTo(at(endpoint), { headers: { [name]: value } }));
    const [failure, text] = await failureOf(sent);
    expect(failure).toBe('request refused');
    expect(text).not.toContain('\n');
    expect(endpoint.sockets).toHaveLength(0);
  });

  test.each([
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:70/',
    'data:,x',
    'http://user@127.0.0.1/',
    'http://:secret@127.0.0.1/',
    'http://[fe80::1%25eth0]/',
    'http://1.2.3.4.5/',
    'http://',
    'example.com',
    '',
  ])('the URL %j', async (url) => {
    const [failure, text] = await failureOf(open().client.send(requestTo(url)));
    expect(failure).toBe('request refused');
    expect(text).not.toContain('secret');
  });
});

describe('an address', () => {
  test.each([
    'http://169.254.169.254/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://0xa9.254.43518/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://[2002:a9fe:a9fe::]/',
    'http://[fe80::1]/',
    'http://[::]/',
    'http://0/',
    'http://0.0.0.0:1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'https://169.254.169.254/',
  ])('%s is refused', async (url) => {
    expect((await failureOf(open().client.send(requestTo(url))))[0]).toBe('address refused');
  });

  test.each(['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '[::ffff:127.0.0.1]'])(
    'of our own listener is refused as http://%s',
    async (host) => {
      const endpoint = await serve(agreeing);
      const ownListeners = (): { address: string; port: number }[] => [
        { address: '127.0.0.1', port: endpoint.port },
      ];
      const { client } = open({ policy: { ownListeners } });
      const sent = client.send(requestTo(`http://${host}:${endpoint.port}/`));
      expect((await failureOf(sent))[1]).toContain('our own listener');
      expect(endpoint.sockets).toHaveLength(0);
      const other = open();
      expect((await other.client.send(requestTo(`http://${host}:${endpoint.port}/`))).status).toBe(
        200,
      );
    },
  );

  test('on loopback is refused once we listen beyond it, unless it is allowed', async () => {
    const endpoint = await serve(agreeing);
    const beyond = open({ policy: { isLoopbackOnly: false } });
    expect(await failureOf(beyond.client.send(requestTo(at(endpoint))))).toEqual([
      'address refused',
      `127.0.0.1 port ${endpoint.port} may not be called: loopback, see --outgoing-allow.`,
    ]);
    const allowed = open({ policy: { isLoopbackOnly: false, allow: ['127.0.0.1/32'] } });
    expect((await allowed.client.send(requestTo(at(endpoint)))).status).toBe(200);
  });
});

describe('a name', () => {
  test('that changes its address between looks is connected to as it was checked', async () => {
    const endpoint = await serve(agreeing);
    const answers = ['127.0.0.1', '169.254.169.254'];
    let looks = 0;
    const resolve = (): Promise<string[]> => Promise.resolve([answers[looks++ % 2] ?? '']);
    const { client } = open({ resolve });
    const url = `http://rebind.test:${endpoint.port}/`;
    expect((await client.send(requestTo(url))).status).toBe(200);
    // One look for one connection: nothing looked again between check and connect.
    expect(looks).toBe(1);
    for (const socket of endpoint.sockets) socket.destroy();
    expect((await failureOf(client.send(requestTo(url))))[0]).toBe('address refused');
    expect(looks).toBe(2);
    expect(endpoint.sockets).toHaveLength(1);
  });

  test('with a good and a bad address is connected to at the good one', async () => {
    const endpoint = await serve(agreeing);
    for (const addresses of [
      ['169.254.169.254', '127.0.0.1'],
      ['127.0.0.1', '169.254.169.254'],
    ]) {
      const { client } = open({ resolve: () => Promise.resolve(addresses) });
      expect((await client.send(requestTo(`http://two.test:${endpoint.port}/`))).status).toBe(200);
    }
  });

  test('is never tried at its bad address, though the good one does not answer', async () => {
    const bad = await serve(agreeing);
    const ownListeners = (): { address: string; port: number }[] => [
      { address: '127.0.0.1', port: bad.port },
    ];
    const resolve = (): Promise<string[]> => Promise.resolve(['10.255.255.1', '127.0.0.1']);
    const { client, clock } = open({ resolve, policy: { ownListeners } });
    const sent = failureOf(client.send(requestTo(`http://two.test:${bad.port}/`)));
    await clock.advance(10_000);
    expect(['timeout', 'unreachable']).toContain((await sent)[0]);
    expect(bad.sockets).toHaveLength(0);
  });

  test('whose first address does not answer is reached at its second', async () => {
    const endpoint = await serve(agreeing);
    const { client } = open({ resolve: () => Promise.resolve(['::1', '127.0.0.1']) });
    const answer = await client.send(requestTo(`http://both.test:${endpoint.port}/`));
    expect(answer.status).toBe(200);
  });

  test('is resolved once for many requests that need it at the same time', async () => {
    const endpoint = await serve(agreeing);
    let looks = 0;
    const resolve = (): Promise<string[]> => Promise.resolve([`127.0.0.${1 + looks++}`]);
    const { client } = open({ resolve });
    const url = `http://burst.test:${endpoint.port}/`;
    await Promise.all(Array.from({ length: 20 }, () => client.send(requestTo(url))));
    expect(looks).toBe(1);
  });

  test.each([
    ['no address', (): Promise<string[]> => Promise.resolve([])],
    ['an error', (): Promise<string[]> => Promise.reject(new Error('ENOTFOUND'))],
  ])('that resolves to %s is unreachable', async (_, resolve) => {
    const { client } = open({ resolve });
    expect((await failureOf(client.send(requestTo('http://no.test/'))))[0]).toBe('unreachable');
  });

  test('resolves the way the system does unless told otherwise', async () => {
    const endpoint = await serve(agreeing);
    const answer = await open().client.send(requestTo(`http://localhost:${endpoint.port}/`));
    expect(answer.status).toBe(200);
  });
});
