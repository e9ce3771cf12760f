import { connect, type Socket } from 'node:net';

import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { silentLogger, type Logger } from '../../runtime/index.ts';
import { Listener } from './listener.ts';
import { protocolOf, type Protocol } from './protocol-sniffer.ts';

interface Accepted {
  readonly protocol: Protocol;
  readonly socket: Socket;
  readonly head: () => string;
}

async function listen(
  options: { hosts?: string[]; connectionsMax?: number; log?: Logger } = {},
): Promise<{ listener: Listener; clock: VirtualClock; accepted: Accepted[] }> {
  const clock = new VirtualClock();
  const accepted: Accepted[] = [];
  const listener = await Listener.open({
    hosts: options.hosts ?? ['127.0.0.1'],
    port: 0,
    firstBytesTimeoutMs: 1_000,
    connectionsMax: options.connectionsMax ?? 10,
    clock,
    log: options.log ?? silentLogger,
    accept: (socket, protocol) => {
      let head = '';
      socket.on('data', (chunk: Buffer) => (head += chunk.toString('latin1')));
      socket.resume();
      accepted.push({ protocol, socket, head: () => head });
    },
  });
  return { listener, clock, accepted };
}

const dial = (port: number): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
  });

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.resume();
    socket.once('close', () => resolve());
  });

async function close(listener: Listener): Promise<void> {
  listener.stopAccepting();
  listener.destroyAll();
  await listener.whenEmpty();
}

describe('protocolOf', () => {
  test.each([
    ['P', undefined],
    ['PR', undefined],
    ['PRI', undefined],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r', undefined],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
    ['PRI * HTTP/2.0\r\n\r\nGET', 'http1'],
    ['PU', 'http1'],
    ['POST', 'http1'],
    ['G', 'http1'],
    ['PRO', 'http1'],
    ['\u0016\u0003', 'http1'],
    ['', undefined],
  ])('%j begins %s', (head, protocol) => {
    expect(protocolOf(Buffer.from(head, 'latin1'))).toBe(protocol);
  });
});

describe('a listener', () => {
  test.each([
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
    ['PUT / HTTP/1.1\r\n\r\n', 'http1'],
  ])('recognises %j a byte at a time, and loses none', async (text, protocol) => {
    const { listener, accepted } = await listen();
    const socket = await dial(listener.port);
    for (const byte of text) {
      await new Promise<void>((resolve) => socket.write(byte, () => resolve()));
      await new Promise(setImmediate);
    }
    await expect.poll(() => accepted[0]?.head(), { interval: 2 }).toBe(text);
    expect(accepted[0]?.protocol).toBe(protocol);
    await close(listener);
  });

  test('closes a connection that says nothing, or too little, in time', async () => {
    const { listener, clock, accepted } = await listen();
    const silent = await dial(listener.port);
    const slow = await dial(listener.port);
    slow.write('PR');
    await expect.poll(() => listener.connectionCount, { interval: 2 }).toBe(2);
    const gone = Promise.all([closed(silent), closed(slow)]);
    await clock.advance(1_001);
    await gone;
    await listener.whenEmpty();
    expect(accepted).toEqual([]);
    await close(listener);
  });

  test('forgets connections that end, half-close or reset before they begin', async () => {
    const { listener, clock } = await listen();
    const halfOpen = await dial(listener.port);
    const reset = await dial(listener.port);
    await expect.poll(() => listener.connectionCount, { interval: 2 }).toBe(2);
    halfOpen.end();
    reset.resetAndDestroy();
    await listener.whenEmpty();
    expect(clock.pendingCount).toBe(0);
    await close(listener);
  });

  test('takes no more connections than it may', async () => {
    const { listener } = await listen({ connectionsMax: 1 });
    await dial(listener.port);
    await expect.poll(() => listener.connectionCount, { interval: 2 }).toBe(1);
    await closed(await dial(listener.port));
    expect(listener.connectionCount).toBe(1);
    await close(listener);
  });

  test('serves all its hosts on one port, and goes on without an address that is not there', async () => {
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (_: object, text: string) => void warnings.push(text) };
    // TEST-NET-1 (RFC 5737) is nobody's address.
    const { listener } = await listen({ hosts: ['127.0.0.1', '192.0.2.1', '127.0.0.2'], log });
    expect(listener.hosts).toEqual(['127.0.0.1', '127.0.0.2']);
    expect(warnings).toEqual(['address is not available, going on without it']);
    await close(listener);
  });

  test('fails if its first address is not there or its port is taken', async () => {
    const { listener } = await listen();
    await expect(listen({ hosts: ['192.0.2.1'] })).rejects.toThrow('EADDRNOTAVAIL');
    const again = Listener.open({
      hosts: ['127.0.0.1'],
      port: listener.port,
      firstBytesTimeoutMs: 1,
      connectionsMax: 1,
      clock: new VirtualClock(),
      log: silentLogger,
      accept: () => undefined,
    });
    await expect(again).rejects.toThrow('EADDRINUSE');
    await close(listener);
  });
});
