import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

import { VirtualClock } from '../../test/support/virtual-clock.ts';
import {
  createOutgoingClient,
  OutgoingError,
  type OutgoingClient,
  type OutgoingClientOptions,
  type OutgoingFailure,
  type OutgoingRequest,
} from './index.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Bench {
  readonly client: OutgoingClient;
  readonly clock: VirtualClock;
}

type Given = Partial<Omit<OutgoingClientOptions, 'policy'>> & {
  readonly policy?: Partial<OutgoingClientOptions['policy']>;
};

function open(given: Given = {}): Bench {
  const clock = new VirtualClock();
  const policy = { isLoopbackOnly: true, allow: [], ownListeners: () => [], ...given.policy };
  const client = createOutgoingClient({ clock, caFile: null, ...given, policy });
  closers.push(() => client.close());
  return { client, clock };
}

/** An HTTP server on loopback, and the connections that came to it. */
async function serve(handler: RequestListener): Promise<{ port: number; sockets: Socket[] }> {
  const server = createServer(handler);
  return await listening(server);
}

/** A server that says to each connection whatever it wants. */
async function speak(
  handler: (socket: Socket) => void,
): Promise<{ port: number; sockets: Socket[] }> {
  const server = createTcpServer(handler);
  return await listening(server);
}

async function listening(
  server: Server | ReturnType<typeof createTcpServer>,
): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

function requestTo(url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    url,
    method: 'POST',
    headers: {},
    body: Buffer.from('hello'),
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    responseBytesMax: 100,
    ...more,
  };
}

async function failureOf(sent: Promise<unknown>): Promise<[OutgoingFailure, string]> {
  const error: unknown = await sent.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OutgoingError)) throw new Error(`no OutgoingError: ${String(error)}`);
  return [error.failure, error.message];
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('a request', () => {
  test('arrives with its method, path, headers and body, and its answer comes back', async () => {
    const { client } = open();
    const { port } = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        response.writeHead(207, {
          'x-seen': `${request.method} ${request.url}`,
          'set-cookie': ['a', 'b'],
        });
        response.end(
          `${String(request.headers['x-own'])} ${request.headers.host} ${body.toString()}`,
        );
      });
    });
    const url = `http://127.0.0.1:${port}/a%20b?c=d`;
    const answer = await client.send(requestTo(url, { headers: { 'x-own': '1' } }));
    expect(answer.status).toBe(207);
    expect(answer.headers).toMatchObject({ 'x-seen': 'POST /a%20b?c=d', 'set-cookie': 'a, b' });
    expect(Buffer.from(answer.body).toString()).toBe(`1 127.0.0.1:${port} hello`);
  });

  test('uses a connection again that a former one left', async () => {
    const { client } = open();
    const { port, sockets } = await serve((request, response) => {
      request.resume().on('end', () => response.end('ok'));
    });
    for (let i = 0; i < 20; i++) await client.send(requestTo(`http://127.0.0.1:${port}/`));
    expect(sockets).toHaveLength(1);
  });
});

describe('refused addresses', () => {
  test.each(['http://169.254.169.254/', 'http://[fe80::1]/', 'http://0xa9fea9fe/'])(
    '%s is refused',
    async (url) => {
      const { client } = open();
      expect((await failureOf(client.send(requestTo(url))))[0]).toBe('address refused');
    },
  );
});
