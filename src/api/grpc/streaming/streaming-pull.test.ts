import { connect as connectHttp2 } from 'node:http2';

import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../../test/support/api-fixture.ts';
import { JumpingClock } from '../../../../test/support/jumping-clock.ts';
import type { RecordedStream } from '../../../../test/support/recording-broker.ts';
import { StreamClient, type StreamRequest } from '../../../../test/support/stream-client.ts';
import type { Delivery, SettleResult } from '../../../broker/index.ts';
import {
  PubsubMessageSchema,
  StreamingPullRequestSchema,
} from '../../../proto/google/pubsub/v1/pubsub_pb.ts';
import { lifeMsMax, silenceMsMax } from './stream-life.ts';

const subscription = 'projects/p/subscriptions/sub';
const streamingPull = '/google.pubsub.v1.Subscriber/StreamingPull';
const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

let clock: JumpingClock;
let fixture: ApiFixture;
let client: Client;
beforeEach(async () => {
  clock = new JumpingClock();
  fixture = await startFixture({ clock });
  const address = `127.0.0.1:${fixture.api.port}`;
  client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  fixture.broker.ephemerals.set(subscription, 'projects/p/topics/t');
});
afterEach(async () => {
  client.close();
  await fixture.api.drain(200);
});

interface Open {
  readonly stream: StreamClient;
  readonly ours: RecordedStream;
}

async function open(more: StreamRequest = {}): Promise<Open> {
  const stream = new StreamClient(client.makeBidiStreamRequest(streamingPull, asIs, asIs), {
    subscription,
    streamAckDeadlineSeconds: 10,
    ...more,
  });
  await stream.until(({ responses }) => responses.length === 1);
  return { stream, ours: fixture.broker.streams.at(-1)! };
}

const responseCount =
  (count: number) =>
  ({ responses }: StreamClient): boolean =>
    responses.length >= count;

const delivery = (bytes: number): Delivery => ({
  ackId: 'ack',
  messageId: '1',
  publishTimeMs: 1_500,
  deliveryAttempt: 0,
  bytes: toBinary(
    PubsubMessageSchema,
    create(PubsubMessageSchema, { data: Buffer.alloc(bytes, 1) }),
  ),
});

describe('subscription_properties', () => {
  test('are those of now in every response: messages, answers to pings, confirmations', async () => {
    const { stream, ours } = await open();
    ours.properties = { exactlyOnce: true, ordering: false };
    stream.send({});
    await stream.until(responseCount(2));
    ours.properties = { exactlyOnce: true, ordering: true };
    ours.sink.deliver([delivery(3)]);
    await stream.until(responseCount(3));
    stream.send({ ackIds: ['a'] });
    await stream.until(responseCount(4));
    const seen = stream.responses.map(({ subscriptionProperties: of }) => [
      of?.exactlyOnceDeliveryEnabled,
      of?.messageOrderingEnabled,
    ]);
    expect(seen).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [true, true],
    ]);
    stream.cancel();
  });

  test('stand behind messages that the broker delivers before its stream is open', async () => {
    const { broker } = fixture;
    const openStream = broker.openStream.bind(broker);
    broker.openStream = async (name, settings, sink) => {
      expect(sink.deliver([delivery(3)])).toBe(false);
      const opened = await openStream(name, settings, sink);
      broker.streams.at(-1)!.properties = { exactlyOnce: true, ordering: true };
      return opened;
    };
    const { stream, ours } = await open();
    await stream.until(responseCount(2));
    expect(stream.messages).toHaveLength(1);
    for (const { subscriptionProperties } of stream.responses) {
      expect(subscriptionProperties).toMatchObject({
        exactlyOnceDeliveryEnabled: true,
        messageOrderingEnabled: true,
      });
    }
    expect(ours.resumeCount).toBe(1);
    stream.cancel();
  });
});

describe('acks on an exactly-once stream', () => {
  const results: Readonly<Record<string, SettleResult>> = {
    good: 'done',
    late: 'expired',
    bad: 'invalid',
    early: 'unordered',
    lost: 'failed',
  };
  const ackIds = Object.keys(results);

  beforeEach(() => {
    fixture.broker.settle = (ackId) => results[ackId] ?? 'done';
  });

  test('are confirmed id by id in acknowledge_confirmation', async () => {
    const { stream, ours } = await open();
    ours.properties = { exactlyOnce: true, ordering: true };
    stream.send({ ackIds });
    await stream.until(responseCount(2));
    expect(stream.responses[1]).toMatchObject({
      acknowledgeConfirmation: {
        ackIds: ['good'],
        invalidAckIds: ['late', 'bad'],
        unorderedAckIds: ['early'],
        temporaryFailedAckIds: ['lost'],
      },
    });
    expect(stream.responses[1]?.modifyAckDeadlineConfirmation).toBeUndefined();
    stream.cancel();
  });

  test('and new deadlines in modify_ack_deadline_confirmation, whatever seconds each asks for', async () => {
    const { stream, ours } = await open();
    ours.properties = { exactlyOnce: true, ordering: false };
    const modifyDeadlineAckIds = ['good', 'late', 'other', 'lost'];
    stream.send({ modifyDeadlineAckIds, modifyDeadlineSeconds: [10, 10, 0, 10] });
    await stream.until(responseCount(3));
    const confirmations = stream.responses.map((each) => each.modifyAckDeadlineConfirmation);
    expect(confirmations[1]).toMatchObject({
      ackIds: ['good'],
      invalidAckIds: ['late'],
      temporaryFailedAckIds: ['lost'],
    });
    expect(confirmations[2]).toMatchObject({ ackIds: ['other'] });
    expect(fixture.broker.calls).toEqual([
      ['modifyAckDeadlineEach', subscription, ['good', 'late', 'lost'], 10],
      ['modifyAckDeadlineEach', subscription, ['other'], 0],
    ]);
    stream.cancel();
  });

  test('are temporary failures when the broker cannot say what became of them', async () => {
    const { stream, ours } = await open();
    ours.properties = { exactlyOnce: true, ordering: false };
    fixture.broker.acknowledgeEach = () => Promise.reject(new Error('the disk is full'));
    stream.send({ ackIds: ['a', 'b'] });
    await stream.until(responseCount(2));
    expect(stream.responses[1]).toMatchObject({
      acknowledgeConfirmation: { temporaryFailedAckIds: ['a', 'b'] },
    });
    stream.cancel();
  });

  test('are not confirmed where the subscription is not exactly once', async () => {
    const { stream } = await open();
    stream.send({ ackIds });
    stream.send({});
    await stream.until(responseCount(2));
    expect(stream.responses[1]?.acknowledgeConfirmation).toBeUndefined();
    expect(fixture.broker.calls).toEqual([['streamAcknowledge', subscription, ackIds]]);
    stream.cancel();
  });

  test('that are on their way when the client half-closes are confirmed before the OK', async () => {
    const { stream, ours } = await open();
    ours.properties = { exactlyOnce: true, ordering: false };
    const settling = Promise.withResolvers<SettleResult[]>();
    fixture.broker.acknowledgeEach = () => settling.promise;
    stream.send({ ackIds: ['a'] });
    stream.send({});
    await stream.until(responseCount(2));
    stream.halfClose();
    settling.resolve(['done']);
    expect(await stream.ended).toMatchObject({ code: 'OK' });
    expect(stream.responses.at(-1)).toMatchObject({ acknowledgeConfirmation: { ackIds: ['a'] } });
    expect(ours.isClosed).toBe(true);
  });

  test('are read no further while 64 requests wait for their confirmations', async () => {
    const { stream, ours } = await open();
    ours.properties = { exactlyOnce: true, ordering: false };
    const settling = Promise.withResolvers<void>();
    let askedCount = 0;
    fixture.broker.acknowledgeEach = async (_, ids) => {
      askedCount++;
      await settling.promise;
      return ids.map(() => 'done');
    };
    for (let n = 0; n < 200; n++) stream.send({ ackIds: [`a${n}`] });
    await expect.poll(() => askedCount).toBe(64);
    // A second stream's round trip: what the server would have read by now, it has.
    const other = await open();
    other.stream.send({});
    await other.stream.until(responseCount(2));
    expect(askedCount).toBe(64);
    settling.resolve();
    await stream.until(responseCount(201));
    const acked = stream.responses.flatMap((each) => each.acknowledgeConfirmation?.ackIds ?? []);
    expect(acked).toEqual(Array.from({ length: 200 }, (_, n) => `a${n}`));
    stream.cancel();
    other.stream.cancel();
  });
});

describe('a stream that lives long', () => {
  test('of protocol version 1 hears of us unasked, each 12 s of silence', async () => {
    const { stream } = await open({ protocolVersion: 1n });
    for (let heard = 2; heard <= 4; heard++) {
      clock.jump(silenceMsMax);
      await stream.until(responseCount(heard));
    }
    expect(stream.messages).toEqual([]);
    for (const each of stream.responses) expect(each.subscriptionProperties).toBeDefined();
    stream.cancel();
  });

  test('is ended after half an hour with UNAVAILABLE, never OK, after what was sent', async () => {
    const { stream, ours } = await open();
    ours.sink.deliver([delivery(100_000)]);
    clock.jump(lifeMsMax);
    expect(await stream.ended).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The service was unable to fulfill your request. Please try again.',
    });
    expect(stream.messages).toHaveLength(1);
    expect(ours.isClosed).toBe(true);
    expect(fixture.broker.calls).toEqual([]);
  });

  test('whose client has not read all when it ends is cut off if the key is revoked then', async () => {
    const session = connectHttp2(`http://127.0.0.1:${fixture.api.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': streamingPull,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const schema = StreamingPullRequestSchema;
    const first = toBinary(schema, create(schema, { subscription, streamAckDeadlineSeconds: 10 }));
    stream.write(Buffer.concat([Buffer.from([0, 0, 0, 0, first.length]), first]));
    await expect.poll(() => fixture.broker.streams.length, { interval: 2 }).toBe(1);
    const ours = fixture.broker.streams[0]!;
    // Nobody reads: what does not fit into HTTP/2's window of 64 KiB waits.
    while (ours.sink.deliver([delivery(262_144)])) await new Promise(setImmediate);
    const ended = new Promise((resolve) => stream.on('error', resolve));
    clock.jump(lifeMsMax);
    await expect.poll(() => ours.isClosed, { interval: 2 }).toBe(true);
    fixture.broker.revoke(subscription);
    expect(String(await ended)).toContain('NGHTTP2_INTERNAL_ERROR');
    session.destroy();
  });
});

test('a later client_id may be the first one again, and no other', async () => {
  const { stream } = await open({ clientId: 'me' });
  stream.send({ clientId: 'me' });
  await stream.until(responseCount(2));
  stream.send({ clientId: 'you' });
  expect(await stream.ended).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'client_id may only be set in first message',
  });
});
