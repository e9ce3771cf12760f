import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, expect, test } from 'vitest';

import { GetTopicRequestSchema } from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../../src/proto/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../src/proto/google/rpc/status_pb.ts';
import { useLiveServer } from '../support/live-server.ts';

/** A call comes back every 30 s: on however slow a machine, one that goes on asking is refused. */
const live = useLiveServer(['--administrator-quota', '2']);
const topic = 'projects/shop/topics/orders';
let client: Client | undefined;
afterAll(() => client?.close());

/** What GetTopic is answered with over gRPC; null: it was let in. */
async function askOverGrpc(): Promise<ServiceError | null> {
  client ??= new Client(live.address, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
  client.makeUnaryRequest(
    '/google.pubsub.v1.Publisher/GetTopic',
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes) => bytes,
    toBinary(GetTopicRequestSchema, create(GetTopicRequestSchema, { topic })),
    (error) => resolve(error),
  );
  return promise;
}

test('both wires use up one quota, tell when to come again, and go on moving messages', async () => {
  const rest = (method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${live.url}/v1/${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  expect((await rest('PUT', topic)).status).toBe(200);
  let refused = await rest('GET', topic);
  expect(refused.status).toBe(200);
  while (refused.status === 200) refused = await rest('GET', topic);
  const { error } = (await refused.json()) as { error: { status: string; details: object[] } };
  expect([refused.status, error.status]).toEqual([429, 'RESOURCE_EXHAUSTED']);
  expect(error.details).toContainEqual(
    expect.objectContaining({
      '@type': 'type.googleapis.com/google.rpc.RetryInfo',
      retryDelay: expect.stringMatching(/^[1-9][0-9.]*s$/) as string,
    }),
  );

  let overGrpc = await askOverGrpc();
  while (overGrpc === null) overGrpc = await askOverGrpc();
  expect(overGrpc.code).toBe(8);
  const [bytes] = overGrpc.metadata.get('grpc-status-details-bin');
  const { details } = fromBinary(StatusSchema, bytes as Buffer);
  const retry = details.map((any) => anyUnpack(any, RetryInfoSchema)).find((each) => each)!;
  expect(retry.retryDelay!.seconds).toBeGreaterThan(0n);
  expect(retry.retryDelay!.seconds).toBeLessThanOrEqual(30n);
  const info = details.map((any) => anyUnpack(any, ErrorInfoSchema)).find((each) => each)!;
  expect([info.reason, info.metadata['consumer']]).toEqual([
    'RATE_LIMIT_EXCEEDED',
    'projects/shop',
  ]);

  const message = { messages: [{ data: 'eA==' }] };
  expect((await rest('POST', `${topic}:publish`, message)).status).toBe(200);
  expect((await rest('PUT', 'projects/other/topics/orders')).status).toBe(200);
});
