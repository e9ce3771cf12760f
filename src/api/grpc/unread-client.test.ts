import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Duplex } from 'node:stream';

import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import type { Delivery } from '../../broker/index.ts';
import * as pubsub from '../../proto/google/pubsub/v1/pubsub_pb.ts';

const subscription = 'projects/p/subscriptions/sub';
const topic = 'projects/p/topics/orders';

let fixture: ApiFixture;
let session: ClientHttp2Session;
beforeEach(async () => {
  fixture = await startFixture();
  // No stream may be sent a byte of data until the test opens the window.
  session = connect(fixture.api.url, { settings: { initialWindowSize: 0 } });
  session.on('error', () => undefined);
  fixture.broker.subscriptions.set(subscription, {
    name: subscription,
    topic,
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetentionMs: 1,
  });
});
afterEach(async () => {
  session.destroy();
  await fixture.api.drain(200);
});

function open(method: string, on: ClientHttp2Session = session): ClientHttp2Stream {
  const stream = on.request({
    ':method': 'POST',
    ':path': `/google.pubsub.v1.Subscriber/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  return stream;
}

/** A gRPC message as it is framed: no compression, four bytes of length. */
function frame<Desc extends DescMessage>(
  schema: Desc,
  init: Parameters<typeof create<Desc>>[1],
): Buffer {
  const bytes = toBinary(schema, create(schema, init));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const streamingPull = (
  init: Parameters<typeof create<typeof pubsub.StreamingPullRequestSchema>>[1],
): Buffer => frame(pubsub.StreamingPullRequestSchema, init);

describe('a client that reads nothing', () => {
  test('is kept one answer to all its pings, not one to each', async () => {
    const stream = open('StreamingPull');
    stream.write(streamingPull({ subscription, streamAckDeadlineSeconds: 10 }));
    const pings = Buffer.concat(Array.from({ length: 50_000 }, () => streamingPull({})));
    stream.write(pings);
    // Requests are taken in order: once this one has arrived, so have all the pings.
    stream.write(streamingPull({ streamAckDeadlineSeconds: 60 }));
    await expect
      .poll(() => fixture.broker.streams[0]?.deadlines, { interval: 5, timeout: 20_000 })
      .toEqual([60]);
    const answers: Buffer[] = [];
    stream.on('data', (bytes: Buffer) => answers.push(bytes));
    session.settings({ initialWindowSize: 65_535 });
    stream.end();
    await new Promise((resolve) => stream.once('close', resolve));
    const greeting = 5 + 4;
    const bytes = Buffer.concat(answers).length;
    expect(bytes).toBeGreaterThan(greeting);
    expect(bytes).toBeLessThan(4 * greeting);
  });
});

const delivery = (bytes: number): Delivery => ({
  ackId: 'ack',
  messageId: '1',
  publishTimeMs: 1_500,
  deliveryAttempt: 0,
  bytes: toBinary(
    pubsub.PubsubMessageSchema,
    create(pubsub.PubsubMessageSchema, { data: Buffer.alloc(bytes, 'x') }),
  ),
});

describe("an unsent answer to a pull, when its messages' key is revoked", () => {
  const pull = (): ClientHttp2Stream => {
    const stream = open('Pull');
    stream.end(frame(pubsub.PullRequestSchema, { subscription, maxMessages: 1 }));
    return stream;
  };

  const responded = (stream: ClientHttp2Stream): Promise<void> =>
    new Promise((resolve) => stream.once('response', () => resolve()));

  test('is dropped if the client leaves it no window, and other calls go on', async () => {
    fixture.broker.batch = [delivery(1_000)];
    const stream = pull();
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await responded(stream);
    fixture.broker.revoke(subscription);
    await new Promise((resolve) => stream.once('close', resolve));
    expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(bytes).toBe(0);
    fixture.broker.batch = [];
    await responded(pull());
    expect(session.destroyed).toBe(false);
  });

  test('is let be if its client takes it in time', async () => {
    fixture.broker.batch = [delivery(1_000)];
    const other = pull();
    await responded(other);
    fixture.broker.revoke(subscription);
    session.settings({ initialWindowSize: 65_535 });
    other.resume();
    await new Promise((resolve) => other.once('close', resolve));
    expect(other.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  test('costs a client that does not even read its socket the connection', async () => {
    const answerBytes = 32 * 1024 * 1024;
    fixture.broker.batch = [delivery(answerBytes)];
    const socket = connectSocket(fixture.api.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const duplex = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, () => done()),
    });
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      duplex.push(chunk);
    });
    const greedy = connect(fixture.api.url, {
      createConnection: () => duplex,
      settings: { initialWindowSize: 2 ** 31 - 1 },
    });
    greedy.on('error', () => undefined);
    await new Promise((resolve) => greedy.once('remoteSettings', resolve));
    greedy.setLocalWindowSize(2 ** 31 - 1);
    const stream = open('Pull', greedy);
    stream.end(frame(pubsub.PullRequestSchema, { subscription, maxMessages: 1 }));
    await responded(stream);
    socket.pause();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    fixture.broker.revoke(subscription);
    await expect.poll(() => fixture.api.connectionCount, { timeout: 3_000 }).toBeLessThan(2);
    socket.resume();
    await closed;
    expect(bytes).toBeLessThan(answerBytes);
    greedy.destroy();
  });
});
