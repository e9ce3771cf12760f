import { afterEach, expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';
import type { RetryPolicy } from '../service.ts';

let harness: BrokerHarness;
let bench: DeadLetterBench;

async function open(retryPolicy: RetryPolicy | null): Promise<void> {
  harness = await BrokerHarness.open();
  const kitchen = retryPolicy === null ? {} : { retryPolicy };
  bench = await DeadLetterBench.open(harness, { attempts: null, kitchen });
}

afterEach(async () => {
  await harness.close();
});

const tenToSixty = { minimumBackoffMs: 10_000, maximumBackoffMs: 60_000 };

/** Pulls once a second until something comes; what, and after how many seconds. */
async function next(): Promise<{ readonly batch: Received[]; readonly seconds: number }> {
  for (let seconds = 0; seconds < 1_000; seconds++) {
    const batch = await harness.pull(bench.kitchen);
    if (batch.length > 0) return { batch, seconds };
    await harness.clock.advance(1_000);
  }
  throw new Error('nothing came within 1,000 seconds');
}

const textsOf = (batch: readonly Received[]): string[] => batch.map(({ text }) => text);

test('each failure of a message doubles its delay, from the minimum to the maximum', async () => {
  await open(tenToSixty);
  await harness.publish(bench.orders, 'soup');
  const delays: number[] = [];
  for (let failures = 0; failures < 6; failures++) {
    const { batch, seconds } = await next();
    delays.push(seconds);
    await bench.nack(batch);
  }
  expect(delays).toEqual([0, 10, 20, 40, 60, 60]);
});

test('a deadline that passed delays a message as a nack does', async () => {
  await open(tenToSixty);
  await harness.publish(bench.orders, 'soup');
  const delays: number[] = [];
  for (let failures = 0; failures < 3; failures++) {
    const { seconds } = await next();
    delays.push(seconds);
  }
  // Each time 10 s of its ack deadline pass first; the wheel's turns are less than a second.
  for (const [n, exact] of [0, 20, 30].entries()) {
    expect(delays[n]).toBeGreaterThanOrEqual(exact);
    expect(delays[n]).toBeLessThanOrEqual(exact + 1);
  }
});

test('one message that fails delays no other', async () => {
  await open(tenToSixty);
  await harness.publish(bench.orders, 'soup', 'salad');
  const first = await harness.pull(bench.kitchen);
  await bench.nack(first.filter(({ text }) => text === 'soup'));
  await harness.acknowledge(
    bench.kitchen,
    first.filter(({ text }) => text === 'salad').map(({ ackId }) => ackId),
  );
  await harness.publish(bench.orders, 'bread');
  const { batch, seconds } = await next();
  expect([textsOf(batch), seconds]).toEqual([['bread'], 0]);
  await harness.acknowledge(bench.kitchen, [batch[0]!.ackId]);
  const again = await next();
  expect([textsOf(again.batch), again.seconds]).toEqual([['soup'], 10]);
});

test('a message that waits for its retry comes to a stream by itself', async () => {
  await open(tenToSixty);
  await harness.publish(bench.orders, 'soup');
  const stream = await harness.openStream(bench.kitchen);
  const [soup] = stream.take();
  await bench.nack([soup!]);
  await harness.clock.advance(9_000);
  expect(stream.take()).toEqual([]);
  await harness.clock.advance(2_000);
  expect(textsOf(stream.take())).toEqual(['soup']);
  stream.stream.close();
});

test('a minimum of 0 s delays nothing, however often a message fails', async () => {
  await open({ minimumBackoffMs: 0, maximumBackoffMs: 600_000 });
  await harness.publish(bench.orders, 'soup');
  const rounds = await bench.refuse(30);
  expect(rounds.every((round) => round.length === 1)).toBe(true);
});

test('without a policy what comes back is available at once', async () => {
  await open(null);
  await harness.publish(bench.orders, 'soup');
  const rounds = await bench.refuse(30);
  expect(rounds.every((round) => round.length === 1)).toBe(true);
});

test('a policy that changes counts for the next failure; what waits already keeps its delay', async () => {
  await open(tenToSixty);
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(1);
  const retryPolicy = { minimumBackoffMs: 100_000, maximumBackoffMs: 600_000 };
  await bench.change('retry_policy', { retryPolicy });
  const second = await next();
  expect(second.seconds).toBe(10);
  await bench.nack(second.batch);
  const third = await next();
  // Its second failure: twice the new minimum.
  expect(third.seconds).toBe(200);
  await bench.change('retry_policy', {});
  await bench.nack(third.batch);
  expect((await next()).seconds).toBe(0);
});

test('an ack of a message that waits for its retry ends it', async () => {
  await open(tenToSixty);
  await harness.publish(bench.orders, 'soup');
  const [batch] = await bench.refuse(1);
  await harness.acknowledge(bench.kitchen, [batch![0]!.ackId]);
  await harness.clock.advance(60_000);
  expect(await harness.pull(bench.kitchen)).toEqual([]);
  expect(await bench.unacked()).toBe(0);
});

test('a message that could not be forwarded waits as long as its failures ask for', async () => {
  await open(tenToSixty);
  const policy = { deadLetterTopic: bench.failed, maxDeliveryAttempts: 5 };
  await bench.change('dead_letter_policy', { deadLetterPolicy: policy, retryPolicy: tenToSixty });
  await harness.publish(bench.orders, 'soup');
  for (let failures = 0; failures < 4; failures++) await bench.nack((await next()).batch);
  await harness.until(harness.broker.deleteTopic(bench.failed));
  await bench.nack((await next()).batch);
  const { batch, seconds } = await next();
  expect(seconds).toBe(60);
  expect(batch[0]!.deliveryAttempt).toBe(6);
});
