import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../test/support/api-fixture.ts';
import { RequestBudget } from './request-budget.ts';

let fixture: ApiFixture;
beforeEach(async () => {
  fixture = await startFixture({ limits: { requestBytesMax: 1_000_000 } });
});
afterEach(() => fixture.api.drain(200));

/** Publishes `bytes` of a body that says it is longer, or is that long; resolves when refused. */
function post(bytes: number, length: number): { answer: Promise<string>; end: () => void } {
  const socket = connect(fixture.api.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST /v1/projects/p/topics/t:publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`,
  );
  socket.write(' '.repeat(bytes));
  const answer = new Promise<string>((resolve) =>
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString());
      socket.destroy();
    }),
  );
  return { answer, end: () => void socket.destroy() };
}

function publish(bytes: number): Promise<string> {
  const session = connectHttp2(fixture.api.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/google.pubsub.v1.Publisher/Publish',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  session.on('error', () => undefined);
  stream.on('error', () => undefined);
  const head = Buffer.from([0, 0, 0x98, 0x96, 0x80]);
  stream.write(Buffer.concat([head, Buffer.alloc(bytes)]));
  return new Promise((resolve) =>
    stream.once('response', (headers) => {
      resolve(String(headers['grpc-status']));
      session.destroy();
    }),
  );
}

test('HTTP bodies beyond the budget are refused with 429, and served again once it is free', async () => {
  const calls = [post(600_000, 9_000_000), post(600_000, 9_000_000)];
  const refused = await Promise.race(calls.map((call) => call.answer));
  expect(refused).toContain('HTTP/1.1 429 ');
  for (const call of calls) call.end();
  await expect.poll(() => fixture.api.connectionCount, { interval: 2 }).toBe(0);
  // An empty publish: it was read whole, and refused for what it says.
  expect(await post(900_000, 900_000).answer).toContain('HTTP/1.1 400 ');
});

test('gRPC bodies share it, and are refused with RESOURCE_EXHAUSTED', async () => {
  const held = post(600_000, 9_000_000);
  expect(await Promise.race([publish(600_000), held.answer.then(() => publish(1_100_000))])).toBe(
    '8',
  );
  held.end();
});

test('who reads on demand waits until there is room, in turn', () => {
  const budget = new RequestBudget(100);
  const order: string[] = [];
  budget.take(90);
  budget.take(30);
  expect(budget.isSpent).toBe(true);
  budget.whenFree(10, () => order.push('first'));
  const cancel = budget.whenFree(10, () => order.push('cancelled'));
  budget.whenFree(10, () => order.push('second'));
  cancel();
  budget.give(10);
  expect(order).toEqual([]);
  budget.give(10);
  expect(order).toEqual(['first', 'second']);
});

test('where all that is taken waits, the last to come goes on until it gives back', () => {
  const budget = new RequestBudget(100);
  const order: string[] = [];
  budget.take(70);
  budget.take(50);
  budget.whenFree(70, () => order.push('first'));
  expect(order).toEqual([]);
  budget.whenFree(50, () => order.push('last'));
  expect(order).toEqual(['last']);
  budget.take(10);
  budget.whenFree(60, () => order.push('last again'));
  expect(order).toEqual(['last', 'last again']);
  budget.give(60);
  expect(order).toEqual(['last', 'last again', 'first']);
});
