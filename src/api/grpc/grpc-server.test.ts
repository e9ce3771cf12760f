import { connect as connectHttp2 } from 'node:http2';

import {
  Client,
  credentials,
  Metadata,
  status,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageShape,
} from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import type { Delivery } from '../../broker/index.ts';
import { RpcError } from '../../rpc/index.ts';
import * as pubsub from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { ErrorInfoSchema } from '../../proto/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../proto/google/rpc/status_pb.ts';

let fixture: ApiFixture;
let client: Client;
beforeEach(async () => {
  fixture = await startFixture();
  client = connectClient();
});
afterEach(async () => {
  client.close();
  await fixture.api.drain(200);
});

const connectClient = (options = {}): Client =>
  new Client(`127.0.0.1:${fixture.api.port}`, credentials.createInsecure(), options);

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const subscription = 'projects/p/subscriptions/sub';
const topic = 'projects/p/topics/orders';

function callBytes(
  path: string,
  bytes: Uint8Array,
  metadata: Metadata = new Metadata(),
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, (error, reply) =>
      error === null ? resolve(reply!) : reject(error),
    );
  });
}

async function call<I extends DescMessage, O extends DescMessage>(
  path: string,
  input: I,
  init: Parameters<typeof create<I>>[1],
  output: O,
): Promise<MessageShape<O>> {
  const bytes = await callBytes(path, toBinary(input, create(input, init)));
  return fromBinary(output, bytes);
}

const failure = (promise: Promise<unknown>): Promise<ServiceError> =>
  promise.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: ServiceError) => error,
  );

const publisher = (name: string): string => `/google.pubsub.v1.Publisher/${name}`;
const subscriber = (name: string): string => `/google.pubsub.v1.Subscriber/${name}`;

describe('unary calls', () => {
  test('create, get and delete with the defaults filled in', async () => {
    const init = { name: topic, labels: { a: 'b' } };
    const made = await call(publisher('CreateTopic'), pubsub.TopicSchema, init, pubsub.TopicSchema);
    expect(made).toMatchObject({ ...init, state: 1 });
    const sub = await call(
      subscriber('CreateSubscription'),
      pubsub.SubscriptionSchema,
      { topic },
      pubsub.SubscriptionSchema,
    );
    expect(sub.name).toMatch(/^projects\/p\/subscriptions\/sub-[0-9a-f]{16}$/);
    expect(sub).toMatchObject({ ackDeadlineSeconds: 10, state: 1, pushConfig: {} });
    expect(sub.expirationPolicy?.ttl?.seconds).toBe(2_678_400n);
    await callBytes(
      publisher('DeleteTopic'),
      toBinary(pubsub.DeleteTopicRequestSchema, create(pubsub.DeleteTopicRequestSchema, { topic })),
    );
    const gone = await failure(
      call(publisher('GetTopic'), pubsub.GetTopicRequestSchema, { topic }, pubsub.TopicSchema),
    );
    expect([gone.code, gone.details]).toEqual([
      status.NOT_FOUND,
      'Resource not found (resource=orders).',
    ]);
  });

  test('publish slices the request and answers ids in order', async () => {
    const messages = [{ data: Buffer.from('one') }, { attributes: { k: 'v' }, orderingKey: 'o' }];
    const reply = await call(
      publisher('Publish'),
      pubsub.PublishRequestSchema,
      { topic, messages },
      pubsub.PublishResponseSchema,
    );
    expect(reply.messageIds).toEqual(['1000', '1001']);
    const sealed = fixture.broker.published[0]!.messages.map(({ bytes }) =>
      fromBinary(pubsub.PubsubMessageSchema, bytes),
    );
    expect(sealed[1]).toMatchObject({ attributes: { k: 'v' }, orderingKey: 'o' });
    expect(fixture.observed).toContainEqual(['google.pubsub.v1.Publisher.Publish', 'OK']);
  });

  test('ten megabytes pass, compressed too, and more than the receive limit does not', async () => {
    const data = Buffer.alloc(9_900_000, 'x');
    const init = { topic, messages: [{ data }] };
    const request = create(pubsub.PublishRequestSchema, init);
    const bytes = toBinary(pubsub.PublishRequestSchema, request);
    await callBytes(publisher('Publish'), bytes);
    client.close();
    client = connectClient({ 'grpc.default_compression_algorithm': 2 });
    await callBytes(publisher('Publish'), bytes);
    expect(fixture.broker.published.map((each) => each.messages[0]!.bytes.length)).toEqual([
      9_900_005, 9_900_005,
    ]);
    const bomb = await failure(callBytes(publisher('Publish'), Buffer.alloc(30_000_000)));
    expect(bomb.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  test.each([
    ['Publish', publisher('Publish')],
    ['CreateTopic', publisher('CreateTopic')],
    ['Pull', subscriber('Pull')],
    ['Acknowledge', subscriber('Acknowledge')],
    ['ModifyAckDeadline', subscriber('ModifyAckDeadline')],
  ])("malformed bytes for %s are the caller's fault", async (_, path) => {
    for (const bytes of [[0x0a, 0xff], [0x07], [0xff, 0xff], [0x00, 0x01]]) {
      const error = await failure(callBytes(path, Buffer.from(bytes)));
      expect(error.code).toBe(status.INVALID_ARGUMENT);
    }
  });

  test('acks and deadlines reach the broker; empty and out of range ones do not', async () => {
    const acks = pubsub.AcknowledgeRequestSchema;
    const deadlines = pubsub.ModifyAckDeadlineRequestSchema;
    const ackIds = ['a', 'b'];
    await call(subscriber('Acknowledge'), acks, { subscription, ackIds }, pubsub.TopicSchema);
    const none = failure(call(subscriber('Acknowledge'), acks, { subscription }, acks));
    expect((await none).details).toBe('You have not specified an ack ID in the request.');
    const modify = (ackDeadlineSeconds: number): Promise<unknown> =>
      call(
        subscriber('ModifyAckDeadline'),
        deadlines,
        { subscription, ackIds, ackDeadlineSeconds },
        pubsub.TopicSchema,
      );
    await modify(600);
    expect((await failure(modify(601))).details).toBe(
      'Invalid ack deadline given (ack_deadline=601). The ack deadline must be between 0 and 600 seconds.',
    );
    expect((await failure(modify(-1))).details).toContain('(ack_deadline=-1)');
    expect(fixture.broker.calls).toEqual([
      ['acknowledge', subscription, ackIds],
      ['modifyAckDeadline', subscription, ackIds, 600],
    ]);
  });

  test('an error carries its reason in the trailer', async () => {
    const text = 'The key is disabled: \ud800 é';
    fixture.broker.publishError = new RpcError('FAILED_PRECONDITION', 'KEY_DISABLED', text);
    const messages = [{ data: Buffer.from('x') }];
    const error = await failure(
      call(
        publisher('Publish'),
        pubsub.PublishRequestSchema,
        { topic, messages },
        pubsub.PublishResponseSchema,
      ),
    );
    expect([error.code, error.details]).toEqual([
      status.FAILED_PRECONDITION,
      'The key is disabled: \ufffd é',
    ]);
    const [trailer] = error.metadata.get('grpc-status-details-bin');
    const decoded = fromBinary(StatusSchema, trailer as Buffer);
    expect(decoded.code).toBe(9);
    expect(anyUnpack(decoded.details[0]!, ErrorInfoSchema)).toMatchObject({
      reason: 'KEY_DISABLED',
      domain: 'pubsub.googleapis.com',
    });
  });

  test('what is not built is refused by name', async () => {
    for (const name of ['GetIamPolicy', 'SetIamPolicy', 'TestIamPermissions']) {
      const iam = await failure(callBytes(`/google.iam.v1.IAMPolicy/${name}`, Buffer.alloc(0)));
      expect([iam.code, iam.details]).toEqual([
        status.UNIMPLEMENTED,
        `The method google.iam.v1.IAMPolicy.${name} is not supported by this server.`,
      ]);
    }
  });

  test('refuses a foreign authority and a foreign origin', async () => {
    const metadata = new Metadata();
    metadata.set('origin', 'https://evil.example.com');
    const origin = await failure(callBytes(publisher('GetTopic'), Buffer.alloc(0), metadata));
    expect(origin.code).toBe(status.PERMISSION_DENIED);
    client.close();
    client = connectClient({ 'grpc.default_authority': 'evil.example.com' });
    const host = await failure(callBytes(publisher('GetTopic'), Buffer.alloc(0)));
    expect(host.code).toBe(status.PERMISSION_DENIED);
  });
});

type Init = Parameters<typeof create<typeof pubsub.StreamingPullRequestSchema>>[1];

/** A client's end of a StreamingPull that keeps what it was sent. */
class TestStream {
  readonly call: ClientDuplexStream<Uint8Array, Buffer>;
  readonly responses: pubsub.StreamingPullResponse[] = [];
  readonly ended: Promise<{ code: number; details: string }>;

  constructor() {
    this.call = client.makeBidiStreamRequest(subscriber('StreamingPull'), asIs, asIs);
    this.call.on('data', (bytes: Buffer) =>
      this.responses.push(fromBinary(pubsub.StreamingPullResponseSchema, bytes)),
    );
    this.call.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.call.on('status', ({ code, details }) => resolve({ code, details }));
    });
  }

  send(init: Init): void {
    const request = create(pubsub.StreamingPullRequestSchema, init);
    this.call.write(toBinary(pubsub.StreamingPullRequestSchema, request));
  }

  async count(responses: number): Promise<void> {
    await expect.poll(() => this.responses.length, { interval: 2 }).toBe(responses);
  }
}

const delivery = (bytes: number): Delivery => ({
  ackId: 'ack',
  messageId: '1',
  publishTimeMs: 1_500,
  deliveryAttempt: 0,
  bytes: toBinary(
    pubsub.PubsubMessageSchema,
    create(pubsub.PubsubMessageSchema, { data: Buffer.alloc(bytes, 1) }),
  ),
});

describe('StreamingPull', () => {
  const first = { subscription, streamAckDeadlineSeconds: 10, maxOutstandingMessages: 5n };

  beforeEach(() => {
    fixture.broker.subscriptions.set(subscription, {
      name: subscription,
      topic,
      labels: {},
      ackDeadlineSeconds: 10,
      retainAckedMessages: false,
      messageRetentionMs: 1,
    });
  });

  const open = async (): Promise<[TestStream, (typeof fixture.broker.streams)[0]]> => {
    const stream = new TestStream();
    stream.send(first);
    await stream.count(1);
    return [stream, fixture.broker.streams.at(-1)!];
  };

  test('greets with properties only, answers every ping, and says them in every response', async () => {
    const [stream, ours] = await open();
    expect(ours.settings).toMatchObject({ ackDeadlineSeconds: 10, outstandingMessagesMax: 5 });
    stream.send({});
    await stream.count(2);
    ours.sink.deliver([delivery(3)]);
    await stream.count(3);
    for (const response of stream.responses) expect(response.subscriptionProperties).toBeDefined();
    expect(stream.responses.map((response) => response.receivedMessages.length)).toEqual([0, 0, 1]);
    expect(stream.responses[2]!.receivedMessages[0]!.message?.publishTime).toMatchObject({
      seconds: 1n,
      nanos: 500_000_000,
    });
    stream.call.cancel();
    await expect.poll(() => ours.isClosed).toBe(true);
  });

  test('acks, deadlines and a new stream deadline arrive', async () => {
    const [stream, ours] = await open();
    stream.send({
      ackIds: ['a'],
      modifyDeadlineAckIds: ['b', 'c'],
      modifyDeadlineSeconds: [0, 30],
    });
    stream.send({ streamAckDeadlineSeconds: 60 });
    await expect.poll(() => ours.deadlines).toEqual([60]);
    expect(fixture.broker.calls).toEqual([
      ['streamAcknowledge', subscription, ['a']],
      ['streamModifyAckDeadline', subscription, ['b', 'c'], [0, 30]],
    ]);
    stream.call.cancel();
  });

  test.each<[string, Init, string]>([
    ['no subscription', {}, 'first message must set subscription'],
    ['no deadline', { subscription }, 'first message must set stream_ack_deadline_seconds'],
    [
      'a short deadline',
      { subscription, streamAckDeadlineSeconds: 9 },
      'stream_ack_deadline_seconds must be between 10 and 600 seconds',
    ],
  ])('a first request with %s is refused', async (_, init, text) => {
    const stream = new TestStream();
    stream.send(init);
    expect(await stream.ended).toEqual({ code: status.INVALID_ARGUMENT, details: text });
  });

  test.each<[string, Init]>([
    ['subscription may only be set in first message', { subscription }],
    ['max_outstanding_bytes may only be set in first message', { maxOutstandingBytes: 1n }],
    ['protocol_version may only be set in first message', { protocolVersion: 1n }],
    ['ack IDs and deadlines must have the same size', { modifyDeadlineAckIds: ['a'] }],
    [
      'Ack deadline cannot be negative',
      { modifyDeadlineAckIds: ['a'], modifyDeadlineSeconds: [-1] },
    ],
  ])('a later request is refused: %s', async (text, init) => {
    const [stream, ours] = await open();
    stream.send(init);
    expect(await stream.ended).toEqual({ code: status.INVALID_ARGUMENT, details: text });
    expect(ours.isClosed).toBe(true);
  });

  test('a missing subscription ends the stream with NOT_FOUND', async () => {
    const stream = new TestStream();
    stream.send({ ...first, subscription: 'projects/p/subscriptions/none' });
    expect((await stream.ended).code).toBe(status.NOT_FOUND);
    expect(stream.responses).toEqual([]);
  });

  test('a half-close is answered with OK after what was sent', async () => {
    const [stream, ours] = await open();
    ours.sink.deliver([delivery(100_000)]);
    stream.call.end();
    expect((await stream.ended).code).toBe(status.OK);
    expect(stream.responses.length).toBe(2);
    expect(ours.isClosed).toBe(true);
  });

  test("the broker's end of a stream keeps its code and reason", async () => {
    const [stream, ours] = await open();
    ours.sink.fail(new RpcError('FAILED_PRECONDITION', 'KEY_DISABLED', 'The key is disabled.'));
    expect(await stream.ended).toEqual({
      code: status.FAILED_PRECONDITION,
      details: 'The key is disabled.',
    });
    expect(ours.sink.deliver([delivery(1)])).toBe(false);
    expect(fixture.observed.at(-1)).toEqual([
      'google.pubsub.v1.Subscriber.StreamingPull',
      'FAILED_PRECONDITION',
    ]);
  });

  test('a client that reads nothing holds the broker back, within bounds, until it reads', async () => {
    const [stream, ours] = await open();
    stream.call.pause();
    let sentBytes = 0;
    for (let turn = 0; turn < 4_000; turn++) {
      sentBytes += 65_536;
      if (!ours.sink.deliver([delivery(65_536)])) {
        await new Promise(setImmediate);
        if (ours.resumeCount === 0) await new Promise(setImmediate);
        if (ours.resumeCount === 0) break;
        ours.resumeCount = 0;
      }
    }
    // Beyond what the client's windows and buffers took, little more than half a megabyte waits.
    expect(sentBytes).toBeLessThan(40 * 1024 * 1024);
    const before = stream.responses.length;
    stream.call.resume();
    await expect.poll(() => ours.resumeCount).toBe(1);
    expect(stream.responses.length).toBeGreaterThan(before);
    stream.call.cancel();
  });

  test('a failed stream whose client reads nothing is reset, its bytes dropped', async () => {
    const session = connectHttp2(`http://127.0.0.1:${fixture.api.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': subscriber('StreamingPull'),
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const schema = pubsub.StreamingPullRequestSchema;
    const request = toBinary(schema, create(schema, first));
    stream.write(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));
    await expect.poll(() => fixture.broker.streams.length, { interval: 2 }).toBe(1);
    const ours = fixture.broker.streams[0]!;
    while (ours.sink.deliver([delivery(262_144)])) await new Promise(setImmediate);
    const ended = new Promise((resolve) => stream.on('error', resolve));
    ours.sink.fail(new RpcError('FAILED_PRECONDITION', 'KEY_DISABLED', 'The key is disabled.'));
    expect(String(await ended)).toContain('NGHTTP2_INTERNAL_ERROR');
    session.destroy();
  });

  test('a drain ends streams with UNAVAILABLE, never OK', async () => {
    const [stream] = await open();
    const drained = fixture.api.drain(2_000);
    expect(await stream.ended).toEqual({
      code: status.UNAVAILABLE,
      details: 'The service was unable to fulfill your request. Please try again.',
    });
    client.close();
    await drained;
    expect(fixture.api.connectionCount).toBe(0);
  });
});
