import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  ask,
  FrontWorld,
  type FrontAnswerSeen,
  tellAndHear,
} from '../../../test/support/front-world.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { SystemClock } from '../../runtime/index.ts';

let world: FrontWorld;
let port: number;
beforeEach(async () => {
  world = new FrontWorld(new SystemClock());
  port = await world.listen();
});
afterEach(() => world.close());

const conversation = (...writes: string[]): Promise<string> => tellAndHear(port, ...writes);

const get = (host: string, path = '/', headers = {}): Promise<FrontAnswerSeen> =>
  ask(port, host, { path, headers });

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
