import { expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import type { RpcError } from '../../rpc/index.ts';
import { sealableMessage } from '../wire/index.ts';

const texts = (received: readonly Received[]): string => received.map(({ text }) => text).join(' ');

class Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;

  static async open(isExactlyOnce: boolean, names: string): Promise<Bench> {
    const harness = await BrokerHarness.open();
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic, {
      ...(isExactlyOnce && { enableExactlyOnceDelivery: true }),
      enableMessageOrdering: true,
      ackDeadlineSeconds: 60,
    });
    const bench = new Bench(harness, topic, subscription);
    await bench.publish(names);
    return bench;
  }

  private constructor(harness: BrokerHarness, topic: string, subscription: string) {
    this.harness = harness;
    this.topic = topic;
    this.subscription = subscription;
  }

  /** `key:text` messages. */
  async publish(names: string): Promise<void> {
    for (const name of names.split(' ')) {
      const [orderingKey = ''] = name.split(':');
      const message = sealableMessage({ data: Buffer.from(name), attributes: [], orderingKey });
      await this.harness.until(this.harness.broker.publish(this.topic, [message]));
    }
  }

  async pull(): Promise<Received[]> {
    return await this.harness.pull(this.subscription);
  }

  async ack(...received: Received[]): Promise<void> {
    const ackIds = received.map(({ ackId }) => ackId);
    await this.harness.acknowledge(this.subscription, ackIds);
  }

  async nack(...received: Received[]): Promise<void> {
    const ackIds = received.map(({ ackId }) => ackId);
    const { broker } = this.harness;
    await this.harness.until(broker.modifyAckDeadline(this.subscription, ackIds, 0));
  }
}

const unordered = 'TRANSIENT_FAILURE_UNORDERED_ACK_ID';

test('an ack before that of an earlier message of its key does nothing, and may be sent again', async () => {
  const bench = await Bench.open(true, 'a:1 a:2 a:3 b:1');
  const [one, two, three, other] = await bench.pull();
  const refused = (await bench
    .ack(three!, two!, other!)
    .catch((error: unknown) => error)) as RpcError;
  expect(refused).toMatchObject({
    code: 'UNAVAILABLE',
    message: 'Some acknowledgement ids in the request were sent out of order',
    details: [{ metadata: { [two!.ackId]: unordered, [three!.ackId]: unordered } }],
  });
  await bench.ack(one!);
  await bench.ack(two!);
  await bench.harness.restart();
  await bench.harness.clock.advance(61_000);
  expect(texts(await bench.pull())).toBe('a:3');
  await bench.harness.close();
});

test('acks of one request are taken in the order of the messages', async () => {
  const bench = await Bench.open(true, 'a:1 a:2 a:3');
  const [one, two, three] = await bench.pull();
  await bench.ack(three!, one!, two!, one!);
  await bench.harness.clock.advance(61_000);
  expect(await bench.pull()).toEqual([]);
  await bench.harness.close();
});

test('an expired id among them makes the refusal permanent, and tells both', async () => {
  const bench = await Bench.open(true, 'a:1 a:2 b:1');
  const [, two, other] = await bench.pull();
  await bench.nack(other!);
  await expect(bench.ack(two!, other!)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: [
      {
        metadata: { [two!.ackId]: unordered, [other!.ackId]: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
      },
    ],
  });
  await bench.harness.close();
});

test('after a crash a key waits for what is leased of it, and then goes on in order', async () => {
  const bench = await Bench.open(true, 'a:1 a:2 a:3 b:1');
  const [one, two] = await bench.harness.pull(bench.subscription, 2);
  await bench.harness.restart();
  await bench.publish('a:4');
  const stream = await bench.harness.openStream(bench.subscription, { ackDeadlineSeconds: 60 });
  expect(texts(stream.take())).toBe('b:1');
  await expect(bench.ack(two!)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await bench.ack(one!);
  await bench.ack(two!);
  await bench.harness.clock.settle();
  expect(texts(stream.take())).toBe('a:3 a:4');
  await bench.harness.close();
});

test('after a crash what follows an expired message of its key waits behind it', async () => {
  const bench = await Bench.open(true, 'a:1 a:2 a:3');
  const [, two, three] = await bench.pull();
  const { broker } = bench.harness;
  const longer = [two!.ackId, three!.ackId];
  await bench.harness.until(broker.modifyAckDeadline(bench.subscription, longer, 600));
  await bench.harness.clock.advance(59_000);
  await bench.harness.restart();
  await bench.harness.clock.advance(2_000);
  const again = await bench.pull();
  expect(texts(again)).toBe('a:1 a:2 a:3');
  await expect(bench.ack(two!)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await bench.ack(...again);
  await bench.harness.close();
});

test('without exactly-once an old id of an ordered message does nothing, a late last one counts', async () => {
  const bench = await Bench.open(false, 'a:1 a:2');
  const [first] = await bench.pull();
  await bench.nack(first!);
  const again = await bench.pull();
  expect(texts(again)).toBe('a:1 a:2');
  await bench.ack(first!);
  await bench.harness.clock.advance(61_000);
  await bench.ack(again[0]!);
  expect(texts(await bench.pull())).toBe('a:2');
  await bench.harness.close();
});

test('without exactly-once an old id of a message without a key still counts', async () => {
  const bench = await Bench.open(false, ':1 :2');
  const [first] = await bench.pull();
  await bench.nack(first!);
  expect(texts(await bench.pull())).toBe(':1');
  await bench.ack(first!);
  await bench.harness.clock.advance(61_000);
  expect(texts(await bench.pull())).toBe(':2');
  await bench.harness.close();
});

test.each([true, false])('an id from before a seek is void (exactly once: %s)', async (isOn) => {
  const bench = await Bench.open(isOn, 'a:1 :1');
  const before = await bench.pull();
  const seeking = bench.harness.broker.seek(bench.subscription, { timeMs: 0 });
  await bench.harness.until(seeking);
  const late = bench.ack(...before);
  if (isOn) await expect(late).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  else await late;
  await bench.harness.restart();
  const again = await bench.pull();
  expect(texts(again)).toBe('a:1 :1');
  await bench.ack(...again);
  await bench.harness.restart();
  await bench.harness.clock.advance(61_000);
  expect(await bench.pull()).toEqual([]);
  await bench.harness.close();
});

const expired = { code: 'INVALID_ARGUMENT', reason: 'EXACTLY_ONCE_ACKID_FAILURE' };

test('what a nack made void of a key is void after a crash too', async () => {
  const bench = await Bench.open(true, 'a:1 a:2 a:3 b:1');
  const [one, two, three, other] = await bench.pull();
  await bench.nack(one!);
  await bench.harness.restart();
  await expect(bench.ack(two!)).rejects.toMatchObject(expired);
  await expect(bench.ack(three!)).rejects.toMatchObject(expired);
  await bench.ack(other!);
  expect(texts(await bench.pull())).toBe('a:1 a:2 a:3');
  await bench.harness.close();
});

test('what an expired message of a key made void is void after a crash, also if the disk was full', async () => {
  const bench = await Bench.open(true, 'a:1 a:2');
  const [, two] = await bench.pull();
  const { broker, clock, faults } = bench.harness;
  await bench.harness.until(broker.modifyAckDeadline(bench.subscription, [two!.ackId], 600));
  faults.next('full');
  await clock.advance(63_000);
  expect(faults.pendingCount).toBe(0);
  await bench.harness.restart();
  await expect(bench.ack(two!)).rejects.toMatchObject(expired);
  expect(texts(await bench.pull())).toBe('a:1 a:2');
  await bench.harness.close();
});
