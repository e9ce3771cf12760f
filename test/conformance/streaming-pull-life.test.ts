import { describe, expect, test } from 'vitest';

import { SystemClock } from '../../src/runtime/index.ts';
import { LiveApi, liveGrpc, textOf } from '../support/live-api.ts';
import type { StreamClient, StreamRequest } from '../support/stream-client.ts';
import { useTestedServer } from '../support/tested-server.ts';

const live = useTestedServer();
const grpc = liveGrpc(live);
const api = new LiveApi(grpc, `projects/stream-life${live.projectSuffix}`);

const open = (subscription: string, more: StreamRequest = {}): StreamClient =>
  grpc.stream({ subscription, streamAckDeadlineSeconds: 60, ...more });

const ackIdsOf = (stream: StreamClient): string[] => stream.messages.map(({ ackId }) => ackId);

/** Everything that the server sent before it answered this has come when it resolves. */
async function roundTrip(stream: StreamClient): Promise<void> {
  const answers = (): number =>
    stream.responses.filter(({ receivedMessages }) => receivedMessages.length === 0).length;
  await stream.until(() => answers() > 0);
  const before = answers();
  stream.send({});
  await stream.until(() => answers() > before);
}

/** The confirmations that came so far, of one of the two kinds. */
const acksOf = (stream: StreamClient): unknown[] =>
  stream.responses.flatMap(({ acknowledgeConfirmation: each }) => (each ? [each] : []));
const modacksOf = (stream: StreamClient): unknown[] =>
  stream.responses.flatMap(({ modifyAckDeadlineConfirmation: each }) => (each ? [each] : []));

describe('confirmations: "only be set if enable_exactly_once_delivery is set to true"', () => {
  const exactlyOnce = { enableExactlyOnceDelivery: true };

  async function received(
    more: Record<string, unknown> = exactlyOnce,
  ): Promise<{ stream: StreamClient; subscription: string; ackIds: string[] }> {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, more);
    const stream = open(subscription);
    await api.publish(topic, 'a', 'b');
    await stream.untilMessages(2);
    return { stream, subscription, ackIds: ackIdsOf(stream) };
  }

  test('"Successfully processed acknowledgment IDs", again when they are sent again', async () => {
    const { stream, subscription, ackIds } = await received();
    stream.send({ ackIds });
    await stream.until(() => acksOf(stream).length === 1);
    stream.send({ ackIds });
    await stream.until(() => acksOf(stream).length === 2);
    for (const each of acksOf(stream)) {
      expect(each).toMatchObject({ ackIds, invalidAckIds: [], temporaryFailedAckIds: [] });
    }
    await live.pass(61_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
    stream.cancel();
  });

  test('"IDs that were malformed or whose acknowledgment deadline has expired" are named apart', async () => {
    const { stream, ackIds } = await received();
    await live.pass(61_000);
    await stream.untilMessages(4);
    const again = ackIdsOf(stream).slice(2);
    stream.send({ ackIds: [...ackIds, 'malformed', ...again] });
    await stream.until(() => acksOf(stream).length === 1);
    expect(acksOf(stream)[0]).toMatchObject({
      ackIds: again,
      invalidAckIds: [...ackIds, 'malformed'],
    });
    stream.cancel();
  });

  test('new deadlines are confirmed, a nack among them', async () => {
    const { stream, ackIds } = await received();
    const [kept, nacked] = ackIds as [string, string];
    stream.send({
      modifyDeadlineAckIds: [kept, nacked, 'malformed'],
      modifyDeadlineSeconds: [600, 0, 600],
    });
    await stream.until(() => modacksOf(stream).length === 2);
    expect(modacksOf(stream)).toMatchObject([
      { ackIds: [kept], invalidAckIds: ['malformed'] },
      { ackIds: [nacked] },
    ]);
    await stream.untilMessages(3);
    stream.send({ modifyDeadlineAckIds: [nacked], modifyDeadlineSeconds: [10] });
    await stream.until(() => modacksOf(stream).length === 3);
    expect(modacksOf(stream)[2]).toMatchObject({ ackIds: [], invalidAckIds: [nacked] });
    stream.cancel();
  });

  test('"List of acknowledgment IDs that were out of order"', async () => {
    const topic = await api.topic();
    const more = { ...exactlyOnce, enableMessageOrdering: true };
    const stream = open(await api.subscription(topic, more));
    const messages = ['MQ==', 'Mg=='].map((data) => ({ data, orderingKey: 'k' }));
    await api.call('Publish', { topic, messages });
    await stream.untilMessages(2);
    const [first, second] = ackIdsOf(stream) as [string, string];
    stream.send({ ackIds: [second] });
    await stream.until(() => acksOf(stream).length === 1);
    stream.send({ ackIds: [first] });
    await stream.until(() => acksOf(stream).length === 2);
    stream.send({ ackIds: [second] });
    await stream.until(() => acksOf(stream).length === 3);
    expect(acksOf(stream)).toMatchObject([
      { ackIds: [], unorderedAckIds: [second] },
      { ackIds: [first], unorderedAckIds: [] },
      { ackIds: [second], unorderedAckIds: [] },
    ]);
    stream.cancel();
  });

  test('come in order before the OK of a client that half-closes', async () => {
    const { stream, ackIds } = await received();
    for (const ackId of ackIds) stream.send({ ackIds: [ackId] });
    stream.halfClose();
    expect(await stream.ended).toMatchObject({ code: 'OK' });
    expect(acksOf(stream)).toMatchObject(ackIds.map((ackId) => ({ ackIds: [ackId] })));
  });

  test('do not come where it is not set', async () => {
    const { stream, ackIds } = await received({});
    stream.send({ ackIds: [...ackIds, 'malformed'] });
    await roundTrip(stream);
    expect([...acksOf(stream), ...modacksOf(stream)]).toEqual([]);
    stream.cancel();
  });
});

describe('the subscription changes while a stream is open', () => {
  test('exactly-once delivery that is switched on is in the properties from then on', async () => {
    const subscription = await api.subscription(await api.topic());
    const stream = open(subscription);
    await roundTrip(stream);
    const update = (enableExactlyOnceDelivery: boolean): Promise<unknown> =>
      api.call('UpdateSubscription', {
        subscription: { name: subscription, enableExactlyOnceDelivery },
        updateMask: 'enableExactlyOnceDelivery',
      });
    await update(true);
    await roundTrip(stream);
    await update(false);
    await roundTrip(stream);
    const said = stream.responses.map(
      ({ subscriptionProperties }) => subscriptionProperties?.exactlyOnceDeliveryEnabled,
    );
    expect(said).toEqual([false, false, true, false]);
    stream.cancel();
  });

  test('detached: FAILED_PRECONDITION for every stream, and for those that come later', async () => {
    const subscription = await api.subscription(await api.topic());
    const streams = [open(subscription), open(subscription)];
    await Promise.all(streams.map(roundTrip));
    await api.call('DetachSubscription', { subscription });
    for (const stream of [...streams, open(subscription)]) {
      expect(await stream.ended).toMatchObject({ code: 'FAILED_PRECONDITION' });
    }
  });
});

/** A stream with a message and a deadline: longer ones until the machine is quick enough. */
async function openUntilDeadline(subscription: string): Promise<StreamClient> {
  for (let ms = 2_000; ; ms *= 2) {
    const deadline = new Date(new SystemClock().wallMs() + ms);
    const stream = grpc.stream({ subscription, streamAckDeadlineSeconds: 60 }, { deadline });
    const isOpen = await stream.untilMessages(1).then(
      () => true,
      () => false,
    );
    if (isOpen) return stream;
    await live.pass(61_000);
  }
}

describe('time passes', () => {
  test('a stream of protocol_version 1 hears of the server every 10 to 15 s without asking', async () => {
    const topic = await api.topic();
    const stream = open(await api.subscription(topic), {
      protocolVersion: 1n,
      maxOutstandingMessages: 1n,
    });
    await api.publish(topic, 'a', 'b');
    await stream.untilMessages(1);
    const before = stream.responses.length;
    await live.pass(15_000);
    await stream.until(({ responses }) => responses.length > before);
    expect(stream.responses.at(-1)).toMatchObject({
      receivedMessages: [],
      subscriptionProperties: { exactlyOnceDeliveryEnabled: false },
    });
    stream.cancel();
  });

  test('a stream lives for half an hour at most, and its messages stay leased', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const stream = open(subscription, { streamAckDeadlineSeconds: 600 });
    await roundTrip(stream);
    await live.pass(24 * 60_000);
    await roundTrip(stream);
    await api.publish(topic, 'a');
    await stream.untilMessages(1);
    await live.pass(6 * 60_000);
    expect(await stream.ended).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The service was unable to fulfill your request. Please try again.',
    });
    expect(await api.pullOnce(subscription)).toEqual([]);
    await api.call('Acknowledge', { subscription, ackIds: ackIdsOf(stream) });
    await live.pass(5 * 60_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test("the client's own deadline ends it with DEADLINE_EXCEEDED, and its messages stay leased", async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'a');
    const stream = await openUntilDeadline(subscription);
    expect(await stream.ended).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await api.pullOnce(subscription)).toEqual([]);
    await live.pass(61_000);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['a']);
  });
});
