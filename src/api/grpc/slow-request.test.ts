import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';

let fixture: ApiFixture;
let session: ClientHttp2Session;
beforeEach(async () => {
  fixture = await startFixture({ limits: { headTimeoutMs: 300, requestTimeoutMs: 300 } });
  session = connect(fixture.api.url);
  session.on('error', () => undefined);
});
afterEach(async () => {
  session.destroy();
  await fixture.api.drain(200);
});

/** Sends `body` and nothing more, and resolves to what came back when the stream closed. */
function stalled(path: string, body: Uint8Array): Promise<IncomingHttpHeaders> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let head: IncomingHttpHeaders = {};
  stream.on('error', () => undefined);
  stream.on('response', (headers) => (head = headers));
  stream.resume();
  stream.write(body);
  return new Promise((resolve) => stream.once('close', () => resolve(head)));
}

/** The head of a frame of 10 MB, and half a megabyte of it. */
const halfPublish = Buffer.concat([Buffer.from([0, 0, 0x98, 0x96, 0x80]), Buffer.alloc(524_288)]);

test('unary calls whose requests stall are ended in time', async () => {
  const path = '/google.pubsub.v1.Publisher/Publish';
  const calls = Array.from({ length: 6 }, () => stalled(path, halfPublish));
  for (const head of await Promise.all(calls)) expect(head['grpc-status']).toBe('4');
});

test('a whole message without its half-close is not waited for either', async () => {
  const path = '/google.pubsub.v1.Publisher/GetTopic';
  const head = await stalled(path, Buffer.from([0, 0, 0, 0, 0]));
  expect(head['grpc-status']).toBe('4');
});

test('a stream goes on beyond that time', async () => {
  const path = '/google.pubsub.v1.Subscriber/StreamingPull';
  const closed: string[] = [];
  void stalled(path, Buffer.alloc(0)).then(() => closed.push('streaming'));
  // Set out later, and yet ended first.
  await stalled('/google.pubsub.v1.Publisher/Publish', halfPublish);
  expect(closed).toEqual([]);
});

test('a waiting pull goes on beyond that time', async () => {
  fixture.broker.pullWaits = true;
  const answered: string[] = [];
  const stream = session.request({
    ':method': 'POST',
    ':path': '/google.pubsub.v1.Subscriber/Pull',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  stream.once('close', () => answered.push('pull'));
  const subscription = Buffer.from('projects/p/subscriptions/sub');
  const message = Buffer.from([0x0a, subscription.length, ...subscription, 0x18, 1]);
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  await expect.poll(() => fixture.broker.calls.length, { interval: 2 }).toBe(1);
  await stalled('/google.pubsub.v1.Publisher/Publish', halfPublish);
  expect(answered).toEqual([]);
});

test('a connection is told how many calls it may have at a time', async () => {
  await stalled('/google.pubsub.v1.Publisher/Publish', halfPublish);
  expect(session.remoteSettings.maxConcurrentStreams).toBe(1_000);
  expect(session.remoteSettings.initialWindowSize).toBe(4 * 1024 * 1024);
});
