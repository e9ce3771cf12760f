import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import * as pubsub from '../proto/google/pubsub/v1/pubsub_pb.ts';

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

function open(method: string): ClientHttp2Stream {
  const stream = session.request({
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
