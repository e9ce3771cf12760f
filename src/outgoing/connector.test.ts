import { getEventListeners } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';

import {
  agreeing,
  at,
  failureOf,
  open,
  requestTo,
  serve,
  speak,
} from '../../test/support/outgoing-bench.ts';
import { hasOpenssl, makeTestCertificates } from '../../test/support/test-certificates.ts';

const certificates = hasOpenssl ? makeTestCertificates() : null;

describe('an abort', () => {
  const reason = new Error('revoked');

  test('before it began sends nothing', async () => {
    const { client } = open();
    const endpoint = await serve(agreeing);
    const signal = AbortSignal.abort(reason);
    await expect(client.send(requestTo(at(endpoint), { signal }))).rejects.toBe(reason);
    expect(endpoint.sockets).toHaveLength(0);
  });

  test('of a signal that many requests share ends them all, each once, and leaves no listener', async () => {
    const { client } = open();
    const endpoint = await serve(() => undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const sent = Array.from({ length: 300 }, () =>
      client.send(requestTo(at(endpoint), { signal })),
    );
    const settled = Promise.allSettled(sent);
    await expect.poll(() => endpoint.sockets.length, { timeout: 10_000 }).toBe(256);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort(reason);
    const outcomes = await settled;
    expect(outcomes.every((each) => each.status === 'rejected' && each.reason === reason)).toBe(
      true,
    );
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('that never comes leaves no listener either', async () => {
    const { client } = open();
    const endpoint = await serve(agreeing);
    const { signal } = new AbortController();
    await Promise.all([1, 2, 3].map(() => client.send(requestTo(at(endpoint), { signal }))));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('while it waits for its turn ends it', async () => {
    const { client } = open({ limits: { requestsMax: 1 } });
    const endpoint = await serve(() => undefined);
    const first = failureOf(client.send(requestTo(at(endpoint))));
    const controller = new AbortController();
    const second = client.send(requestTo(at(endpoint), { signal: controller.signal }));
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    client.close();
    await first;
  });

  test.each([['http'], ...(certificates === null ? [] : [['https']])])(
    'within a body resets the %s connection: what the system still held never arrives',
    async (scheme) => {
      const peers: Socket[] = [];
      const endpoint = await speak(
        (socket) => {
          peers.push(socket);
          socket.once('data', () => socket.pause());
        },
        scheme === 'https' ? certificates! : undefined,
      );
      const { client } = open({ caFile: certificates?.caFile ?? null });
      const controller = new AbortController();
      const body = new Uint8Array(64 << 20);
      const url = at(endpoint).replace('http', scheme);
      const sent = client.send(requestTo(url, { body, signal: controller.signal }));
      await expect.poll(() => peers[0]?.bytesRead, { timeout: 10_000 }).toBeGreaterThan(0);
      const failed = new Promise<unknown>((resolve) => {
        peers[0]!.on('error', resolve);
      });
      controller.abort(reason);
      await expect(sent).rejects.toBe(reason);
      peers[0]!.resume();
      // An orderly end would bring all that the system had taken before it.
      expect(await failed).toMatchObject({ code: 'ECONNRESET' });
      expect(peers[0]!.bytesRead).toBeLessThan(body.length);
    },
  );

  test('after the answer changes nothing: the connection serves the next', async () => {
    const { client } = open();
    const endpoint = await serve(agreeing);
    const controller = new AbortController();
    await client.send(requestTo(at(endpoint), { signal: controller.signal }));
    controller.abort(reason);
    await client.send(requestTo(at(endpoint)));
    expect(endpoint.sockets).toHaveLength(1);
  });
});

describe.skipIf(certificates === null)('TLS (needs openssl)', () => {
  const resolve = (): Promise<string[]> => Promise.resolve(['127.0.0.1']);

  test("is spoken under the URL's name with the authority of the file, and reused", async () => {
    const names: unknown[] = [];
    const endpoint = await serve((request, response) => {
      names.push(
        (request.socket as unknown as { servername: unknown }).servername,
        request.headers.host,
      );
      agreeing(request, response);
    }, certificates!);
    const { client } = open({ resolve, caFile: certificates!.caFile });
    const url = `https://endpoint.test:${endpoint.port}/`;
    for (let i = 0; i < 3; i++) expect((await client.send(requestTo(url))).status).toBe(200);
    expect(names.slice(0, 2)).toEqual(['endpoint.test', `endpoint.test:${endpoint.port}`]);
    expect(endpoint.sockets).toHaveLength(1);
  });

  test('with an address of the certificate needs no name', async () => {
    const endpoint = await serve(agreeing, certificates!);
    const { client } = open({ caFile: certificates!.caFile });
    const sent = client.send(requestTo(`https://127.0.0.1:${endpoint.port}/`));
    expect((await sent).status).toBe(200);
  });

  test('with an unknown authority is refused', async () => {
    const endpoint = await serve(agreeing, certificates!);
    const { client } = open({ resolve });
    const sent = client.send(requestTo(`https://endpoint.test:${endpoint.port}/`));
    expect((await failureOf(sent))[0]).toBe('tls');
  });

  test('with a certificate for another name is refused', async () => {
    const endpoint = await serve(agreeing, certificates!);
    const { client } = open({ resolve, caFile: certificates!.caFile });
    const sent = client.send(requestTo(`https://other.test:${endpoint.port}/`));
    const [failure, text] = await failureOf(sent);
    expect([failure, text]).toEqual(['tls', expect.stringContaining('ALTNAME_INVALID')]);
  });

  test.each([['HTTP/1.1 400 Bad Request\r\n\r\n'], ['']])(
    'answered in the clear (%j) is none',
    async (text) => {
      const endpoint = await speak((socket) => {
        socket.once('data', () => socket.end(text));
      });
      const { client } = open({ resolve });
      const sent = client.send(requestTo(`https://endpoint.test:${endpoint.port}/`));
      expect((await failureOf(sent))[0]).toBe('tls');
    },
  );

  test('that does not come about is ended by the time of the request', async () => {
    const endpoint = await speak((socket) => void socket.resume());
    const { client, clock } = open({ resolve });
    const url = `https://endpoint.test:${endpoint.port}/`;
    const sent = failureOf(client.send(requestTo(url, { timeoutMs: 1_000 })));
    await expect.poll(() => endpoint.sockets.length, { timeout: 10_000 }).toBe(1);
    await clock.advance(1_000);
    expect((await sent)[0]).toBe('timeout');
    await expect.poll(() => endpoint.sockets[0]?.destroyed, { timeout: 10_000 }).toBe(true);
  });

  test('needs a file of authorities that can be read when the client is made', () => {
    expect(() => open({ caFile: '/nowhere/ca.pem' })).toThrow('ENOENT');
  });
});
