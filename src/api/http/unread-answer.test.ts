import { connect, type Socket } from 'node:net';

import { create, toBinary } from '@bufbuild/protobuf';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import { PubsubMessageSchema } from '../../proto/google/pubsub/v1/pubsub_pb.ts';

const subscription = 'projects/p/subscriptions/sub';
/** More than the system's buffers take for a client that does not read. */
const answerBytes = 32 * 1024 * 1024;

let fixture: ApiFixture;
let socket: Socket;
beforeEach(async () => {
  fixture = await startFixture();
  const message = create(PubsubMessageSchema, { data: Buffer.alloc(answerBytes, 'x') });
  fixture.broker.batch = [
    {
      ackId: 'ack',
      messageId: '1',
      publishTimeMs: 0,
      deliveryAttempt: 0,
      bytes: toBinary(PubsubMessageSchema, message),
    },
  ];
  socket = connect(fixture.api.port, '127.0.0.1');
  socket.on('error', () => undefined);
});
afterEach(async () => {
  socket.destroy();
  await fixture.api.drain(200);
});

/** Asks for a pull and takes the first of its answer, and no more. */
async function beginPull(): Promise<void> {
  const body = '{"maxMessages":1}';
  socket.write(
    `POST /v1/${subscription}:pull HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
}

/** Reads on to the end of the connection, or of the answer. */
async function takeRest(): Promise<number> {
  let bytes = 0;
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytes) resolve();
    });
    socket.once('close', () => resolve());
    socket.resume();
  });
  return bytes;
}

test('an answer its client has not taken goes with the key of its messages', async () => {
  await beginPull();
  fixture.broker.revoke(subscription);
  await expect.poll(() => fixture.api.connectionCount, { interval: 5, timeout: 3_000 }).toBe(0);
  expect(await takeRest()).toBeLessThan(answerBytes);
});

test('an answer its client takes in time arrives whole, and its connection stays', async () => {
  await beginPull();
  fixture.broker.revoke('projects/p/subscriptions/other');
  expect(await takeRest()).toBeGreaterThan(answerBytes);
  fixture.broker.revoke(subscription);
  expect(fixture.api.connectionCount).toBe(1);
});
