import { describe, expect, test, vi } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { segmentKinds } from '../../storage/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import type { Subscription } from '../service.ts';

/** The ack log of the first subscription. */
const ackLog = 2;
const texts = (received: readonly Received[]): string[] => received.map(({ text }) => text);
const idsOf = (received: readonly Received[]): string[] => received.map(({ ackId }) => ackId);

class Bench {
  readonly harness: BrokerHarness;
  readonly recorder: EventRecorder;
  readonly subscription: string;

  static async open(count: number): Promise<Bench> {
    const recorder = new EventRecorder();
    const harness = await BrokerHarness.open({ observer: recorder.observer });
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic, {
      enableExactlyOnceDelivery: true,
      ackDeadlineSeconds: 60,
    });
    const messages = Array.from({ length: count }, (_, i) => `message ${i}`);
    if (count > 0) await harness.publish(topic, ...messages);
    return new Bench(harness, recorder, subscription);
  }

  private constructor(harness: BrokerHarness, recorder: EventRecorder, subscription: string) {
    this.harness = harness;
    this.recorder = recorder;
    this.subscription = subscription;
  }

  async pull(): Promise<Received[]> {
    return await this.harness.pull(this.subscription);
  }

  async ack(...ackIds: string[]): Promise<void> {
    await this.harness.acknowledge(this.subscription, ackIds);
  }

  async modack(seconds: number, ...ackIds: string[]): Promise<void> {
    const { broker } = this.harness;
    await this.harness.until(broker.modifyAckDeadline(this.subscription, ackIds, seconds));
  }

  /** The error of a call, with its ErrorInfo's metadata. */
  async refusal(call: Promise<void>): Promise<{ code: string; message: string; failed: object }> {
    const error = (await call.then(
      () => expect.unreachable('it was not refused'),
      (thrown: unknown) => thrown,
    )) as RpcError;
    const [info, ...rest] = error.details;
    expect(rest).toEqual([]);
    expect(info).toMatchObject({
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'EXACTLY_ONCE_ACKID_FAILURE',
      domain: 'pubsub.googleapis.com',
    });
    const { metadata } = info as { metadata: Record<string, string> };
    return { code: error.code, message: error.message, failed: metadata };
  }

  warnings(): unknown[][] {
    return this.recorder.take('exactlyOnceWarning').map(([, , ...rest]) => rest);
  }
}

const invalidText =
  'Some acknowledgement ids in the request were invalid. This could be because the ' +
  'acknowledgement ids have expired or the acknowledgement ids were malformed.';
const permanent = 'PERMANENT_FAILURE_INVALID_ACK_ID';

describe('acks', () => {
  test('an acknowledged message is never sent again, also not after a crash', async () => {
    const bench = await Bench.open(3);
    const received = await bench.pull();
    await bench.ack(received[1]!.ackId);
    await bench.harness.restart();
    await bench.harness.clock.advance(61_000);
    expect(texts(await bench.pull())).toEqual(['message 0', 'message 2']);
    await bench.harness.close();
  });

  test('trap: after a lost answer, the same, already successful, latest id succeeds again', async () => {
    const bench = await Bench.open(2);
    const [one] = await bench.pull();
    await bench.ack(one!.ackId, one!.ackId);
    await bench.ack(one!.ackId);
    await bench.harness.clock.advance(3_600_000);
    await bench.ack(one!.ackId);
    await bench.harness.restart();
    await bench.ack(one!.ackId);
    expect(bench.warnings()).toEqual([]);
    await bench.harness.close();
  });

  test('an expired id is refused by name, and the others of its request are done', async () => {
    const bench = await Bench.open(2);
    const [zero] = await bench.pull();
    await bench.harness.clock.advance(61_000);
    const again = await bench.pull();
    const foreign = again[0]!.ackId.replace(/^..../, 'AAAA');
    const asked = bench.ack(again[1]!.ackId, zero!.ackId, foreign, '__proto__');
    expect(await bench.refusal(asked)).toEqual({
      code: 'INVALID_ARGUMENT',
      message: invalidText,
      failed: Object.fromEntries(
        [zero!.ackId, foreign, '__proto__'].map((ackId) => [ackId, permanent]),
      ),
    });
    expect(bench.warnings()).toEqual([
      ['ack', 'expired', 1],
      ['ack', 'invalid', 2],
    ]);
    await bench.harness.clock.advance(61_000);
    expect(texts(await bench.pull())).toEqual(['message 0']);
    await bench.harness.close();
  });

  test('an id whose deadline has passed is refused before the message is sent again', async () => {
    const bench = await Bench.open(1);
    const [one] = await bench.pull();
    await bench.harness.clock.advance(61_000);
    expect((await bench.refusal(bench.ack(one!.ackId))).failed).toEqual({
      [one!.ackId]: permanent,
    });
    expect(await bench.pull()).toHaveLength(1);
    await bench.harness.close();
  });

  test('an id that a later delivery has superseded is refused after that one was acked', async () => {
    const bench = await Bench.open(1);
    const [first] = await bench.pull();
    await bench.modack(0, first!.ackId);
    const [second] = await bench.pull();
    await bench.ack(second!.ackId);
    expect((await bench.refusal(bench.ack(first!.ackId))).code).toBe('INVALID_ARGUMENT');
    await bench.ack(second!.ackId);
    await bench.harness.close();
  });

  test('what the disk refuses is transient: the same id may be sent again', async () => {
    const bench = await Bench.open(1);
    const [one] = await bench.pull();
    bench.harness.faults.next('io');
    const refusal = await bench.refusal(bench.ack(one!.ackId));
    expect(refusal).toMatchObject({
      code: 'UNAVAILABLE',
      failed: { [one!.ackId]: 'TRANSIENT_FAILURE_INTERNAL' },
    });
    bench.harness.faults.next('io');
    await bench.refusal(bench.ack(one!.ackId));
    await bench.ack(one!.ackId);
    await bench.harness.restart();
    await bench.harness.clock.advance(61_000);
    expect(await bench.pull()).toEqual([]);
    await bench.harness.close();
  });

  test('a stream hears the result of each id', async () => {
    const bench = await Bench.open(3);
    const [zero] = await bench.pull();
    await bench.harness.clock.advance(61_000);
    const [, one, two] = await bench.pull();
    const { broker } = bench.harness;
    const ackIds = [zero!.ackId, 'nonsense', two!.ackId];
    const settled = broker.acknowledgeEach(bench.subscription, ackIds);
    expect(await bench.harness.until(settled)).toEqual(['expired', 'invalid', 'done']);
    const moved = broker.modifyAckDeadlineEach(bench.subscription, [one!.ackId, zero!.ackId], 600);
    expect(await bench.harness.until(moved)).toEqual(['done', 'expired']);
    bench.harness.faults.next('io');
    const failed = broker.modifyAckDeadlineEach(bench.subscription, [one!.ackId], 600);
    expect(await bench.harness.until(failed)).toEqual(['failed']);
    await bench.harness.close();
  });

  test('acks of a stream that asks for no answer are durable soon', async () => {
    const bench = await Bench.open(2);
    const [zero, one] = await bench.pull();
    const { broker, clock } = bench.harness;
    broker.streamAcknowledge(bench.subscription, [zero!.ackId, 'nonsense']);
    broker.streamModifyAckDeadline(bench.subscription, [one!.ackId], [600]);
    await clock.advance(20);
    await bench.harness.restart();
    await clock.advance(500_000);
    expect(await bench.pull()).toEqual([]);
    await clock.advance(100_000);
    expect(texts(await bench.pull())).toEqual(['message 1']);
    expect(bench.warnings()).toEqual([['ack', 'invalid', 1]]);
    await bench.harness.close();
  });
});

describe('leases', () => {
  test('a lease is durable before its message leaves', async () => {
    const bench = await Bench.open(1);
    const kinds = [];
    const probe = await bench.harness.openStream(bench.subscription, { ackDeadlineSeconds: 60 });
    expect(texts(probe.received)).toEqual(['message 0']);
    for (const { kind } of await bench.harness.store.read(ackLog, 0, 1 << 20)) kinds.push(kind);
    expect(kinds).toEqual([segmentKinds.ackLeases]);
    await bench.harness.close();
  });

  test('a message whose lease cannot be stored does not leave', async () => {
    const bench = await Bench.open(1);
    await bench.harness.openStream(bench.subscription).then(({ stream, received }) => {
      expect(received).toHaveLength(1);
      stream.close();
    });
    await bench.harness.clock.advance(61_000);
    bench.harness.faults.next('io');
    const probe = await bench.harness.openStream(bench.subscription);
    await bench.harness.clock.advance(100);
    expect(probe.received).toEqual([]);
    expect(probe.failure).toMatchObject({ code: 'UNAVAILABLE' });
    expect(texts(await bench.pull())).toEqual(['message 0']);
    await bench.harness.close();
  });

  test('a receipt modack within the delivery itself succeeds', async () => {
    const bench = await Bench.open(3);
    const { broker } = bench.harness;
    const modacks: Promise<void>[] = [];
    const probe = await bench.harness.openStream(bench.subscription);
    probe.onBatch = (batch) => {
      modacks.push(broker.modifyAckDeadline(bench.subscription, idsOf(batch), 60));
    };
    await bench.harness.clock.advance(11_000);
    expect(probe.received.length).toBeGreaterThan(3);
    expect(modacks.length).toBeGreaterThan(0);
    await bench.harness.until(Promise.all(modacks));
    await bench.harness.close();
  });

  test('a Pull that does not want to wait waits for the commit of its leases', async () => {
    const bench = await Bench.open(5);
    expect(texts(await bench.pull())).toHaveLength(5);
    await bench.harness.close();
  });

  test('after a crash nothing is sent again before its deadline', async () => {
    const bench = await Bench.open(2);
    const received = await bench.pull();
    await bench.harness.clock.advance(20_000);
    await bench.harness.restart();
    expect((await bench.harness.broker.backlogs())[0]).toMatchObject({ outstandingCount: 2 });
    await bench.harness.clock.advance(39_000);
    expect(await bench.pull()).toEqual([]);
    await bench.harness.clock.advance(1_200);
    const again = await bench.pull();
    expect(texts(again)).toEqual(['message 0', 'message 1']);
    expect(idsOf(again)).not.toEqual(idsOf(received));
    expect((await bench.refusal(bench.ack(received[0]!.ackId))).code).toBe('INVALID_ARGUMENT');
    await bench.ack(...idsOf(again));
    await bench.harness.close();
  });

  test('an extension that was answered is honoured after a crash', async () => {
    const bench = await Bench.open(2);
    const [zero] = await bench.pull();
    await bench.modack(600, zero!.ackId);
    await bench.harness.restart();
    await bench.harness.clock.advance(61_000);
    expect(texts(await bench.pull())).toEqual(['message 1']);
    await bench.ack(zero!.ackId);
    await bench.harness.clock.advance(600_000);
    expect(texts(await bench.pull())).toEqual(['message 1']);
    await bench.harness.close();
  });

  test('after a crash the latest id acknowledges, an older one does not', async () => {
    const bench = await Bench.open(1);
    const [first] = await bench.pull();
    await bench.modack(0, first!.ackId);
    const [second] = await bench.pull();
    await bench.harness.restart();
    expect((await bench.refusal(bench.ack(first!.ackId))).failed).toEqual({
      [first!.ackId]: permanent,
    });
    await bench.modack(60, second!.ackId);
    await bench.ack(second!.ackId);
    await bench.harness.clock.advance(61_000);
    expect(await bench.pull()).toEqual([]);
    await bench.harness.close();
  });

  test('a nack that was answered is one after a crash too', async () => {
    const bench = await Bench.open(1);
    const [first] = await bench.pull();
    await bench.modack(0, first!.ackId);
    await bench.harness.restart();
    expect((await bench.refusal(bench.ack(first!.ackId))).code).toBe('INVALID_ARGUMENT');
    expect(await bench.pull()).toHaveLength(1);
    await bench.harness.close();
  });

  test('the same nack succeeds again until the message has come again', async () => {
    const bench = await Bench.open(1);
    const [first] = await bench.pull();
    bench.harness.faults.next('io');
    const refused = await bench.refusal(bench.modack(0, first!.ackId, first!.ackId));
    expect(refused).toMatchObject({
      code: 'UNAVAILABLE',
      failed: { [first!.ackId]: 'TRANSIENT_FAILURE_INTERNAL' },
    });
    await bench.modack(0, first!.ackId, first!.ackId);
    await bench.modack(0, first!.ackId);
    const extended = bench.modack(10, first!.ackId);
    expect((await bench.refusal(extended)).code).toBe('INVALID_ARGUMENT');
    const [second] = await bench.pull();
    expect((await bench.refusal(bench.modack(0, first!.ackId))).code).toBe('INVALID_ARGUMENT');
    await bench.ack(second!.ackId);
    await bench.harness.close();
  });

  test('a deadline that has passed is no nack', async () => {
    const bench = await Bench.open(1);
    const [first] = await bench.pull();
    await bench.harness.clock.advance(61_000);
    expect((await bench.refusal(bench.modack(0, first!.ackId))).code).toBe('INVALID_ARGUMENT');
    await bench.harness.close();
  });

  test('several crashes, with a snapshot between them, change nothing of it', async () => {
    const bench = await Bench.open(3);
    const [zero, one] = await bench.pull();
    await bench.modack(600, zero!.ackId);
    await bench.ack(one!.ackId);
    await bench.harness.until(bench.harness.broker.drain());
    for (let i = 0; i < 3; i++) await bench.harness.restart();
    await bench.harness.clock.advance(61_000);
    expect(texts(await bench.pull())).toEqual(['message 2']);
    await bench.ack(zero!.ackId);
    await bench.harness.restart();
    await bench.harness.clock.advance(600_000);
    expect(texts(await bench.pull())).toEqual(['message 2']);
    await bench.harness.close();
  });

  test('a modack of what is over, or acknowledged, is refused by name', async () => {
    const bench = await Bench.open(3);
    const [zero, one, two] = await bench.pull();
    await bench.ack(zero!.ackId);
    await bench.modack(0, one!.ackId);
    const asked = bench.modack(600, zero!.ackId, one!.ackId, two!.ackId);
    expect(await bench.refusal(asked)).toEqual({
      code: 'INVALID_ARGUMENT',
      message: invalidText,
      failed: { [zero!.ackId]: permanent, [one!.ackId]: permanent },
    });
    expect(bench.warnings()).toEqual([['modack', 'expired', 2]]);
    await bench.harness.clock.advance(500_000);
    expect(texts(await bench.pull())).toEqual(['message 1']);
    await bench.harness.close();
  });
});

describe('switching', () => {
  const update = async (bench: Bench, isOn: boolean): Promise<void> => {
    const { broker } = bench.harness;
    const change = (stored: Subscription): Subscription => ({
      ...stored,
      enableExactlyOnceDelivery: isOn,
    });
    const fields = ['enable_exactly_once_delivery'];
    await bench.harness.until(broker.updateSubscription(bench.subscription, change, fields));
  };

  test('on: what is outstanding is durably so when the update is answered', async () => {
    const bench = await Bench.open(2);
    await update(bench, false);
    const [zero] = await bench.pull();
    await update(bench, true);
    await bench.harness.restart();
    expect(await bench.pull()).toEqual([]);
    await bench.ack(zero!.ackId);
    await bench.harness.clock.advance(61_000);
    expect(texts(await bench.pull())).toEqual(['message 1']);
    await bench.harness.close();
  });

  test('off: a late ack counts again, and nothing is held back after a crash', async () => {
    const bench = await Bench.open(2);
    const [zero] = await bench.pull();
    await update(bench, false);
    await bench.harness.clock.advance(61_000);
    await bench.ack(zero!.ackId);
    expect(texts(await bench.pull())).toEqual(['message 1']);
    await bench.harness.restart();
    expect(texts(await bench.pull())).toEqual(['message 1']);
    await bench.harness.close();
  });

  test('on, when the disk refuses it, is not answered with success', async () => {
    const bench = await Bench.open(1);
    await update(bench, false);
    await bench.pull();
    // The row lands; the leases, which follow it, do not.
    const disk = vi.spyOn(bench.harness.disk, 'commit');
    disk.mockRejectedValue(new Error('the disk is gone'));
    await expect(update(bench, true)).rejects.toBeDefined();
    disk.mockRestore();
    await update(bench, true);
    await bench.harness.restart();
    expect(await bench.pull()).toEqual([]);
    await bench.harness.close();
  });
});
