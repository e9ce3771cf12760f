import { afterEach, expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';
import {
  ScriptedEndpoint,
  textOf,
  type SeenRequest,
} from '../../../test/support/scripted-endpoint.ts';
import type { PushConfig, SealableMessage, Subscription } from '../service.ts';
import { sealableMessage } from '../wire/index.ts';

const pushConfig: PushConfig = { endpoint: 'https://example.com/push', attributes: {} };

let harness: BrokerHarness;
let endpoint: ScriptedEndpoint;
let bench: DeadLetterBench;
let keyVersion: string;

/** `orders` is pushed, and what fails `attempts` times goes to `failed`. */
async function open(more: Partial<Subscription> = {}, attempts: number | null = 5): Promise<void> {
  endpoint = new ScriptedEndpoint(() => harness.clock);
  harness = await BrokerHarness.open({ pushSender: endpoint });
  const key = await harness.createKey();
  keyVersion = key.version;
  const kitchen = { pushConfig, ...more };
  bench = await DeadLetterBench.open(harness, { attempts, ordersKey: key.name, kitchen });
  await harness.clock.settle();
}

afterEach(async () => {
  endpoint.respond = () => 204;
  for (const request of endpoint.open) request.answer(204);
  await harness.close();
});

const ordered = (text: string, orderingKey: string): SealableMessage =>
  sealableMessage({ data: Buffer.from(text), attributes: [], orderingKey });

async function publishOrdered(key: string, ...texts: string[]): Promise<void> {
  const messages = texts.map((text) => ordered(text, key));
  await harness.until(harness.broker.publish(bench.orders, messages));
}

/** Moves time, a little at a time, until so many requests were seen. */
async function passUntilSeen(count: number, limitMs = 3_600_000): Promise<void> {
  for (let ms = 0; endpoint.seen.length < count && ms < limitMs; ms += 100) {
    await harness.clock.advance(100);
  }
  expect(endpoint.seen.length).toBeGreaterThanOrEqual(count);
}

const jsonOf = ({ body }: SeenRequest): Record<string, unknown> =>
  JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;

test('of an ordering key one message at a time is on its way, of different keys several', async () => {
  await open({ enableMessageOrdering: true });
  endpoint.respond = (_, n) => (n < 4 ? 204 : null);
  // The window opens with what succeeds.
  for (const key of ['w', 'x', 'y', 'z']) await publishOrdered(key, key);
  await passUntilSeen(4);
  await publishOrdered('a', 'a1', 'a2', 'a3');
  await publishOrdered('b', 'b1', 'b2');
  await harness.clock.advance(100);
  const open_ = (): string[] => endpoint.open.map(({ body }) => textOf(body)).toSorted();
  expect(open_()).toEqual(['a1', 'b1']);
  endpoint.open.find(({ body }) => textOf(body) === 'a1')!.answer(204);
  await harness.clock.advance(100);
  expect(open_()).toEqual(['a2', 'b1']);
});

test('a message that is refused keeps the later ones of its key waiting, and no others', async () => {
  await open({ enableMessageOrdering: true }, null);
  let refusals = 3;
  endpoint.respond = ({ body }) => (textOf(body) === 'a1' && refusals-- > 0 ? 500 : 204);
  await publishOrdered('a', 'a1', 'a2', 'a3');
  await publishOrdered('b', 'b1', 'b2');
  await passUntilSeen(8);
  const of = (key: string): string[] => endpoint.texts.filter((text) => text.startsWith(key));
  expect(of('a')).toEqual(['a1', 'a1', 'a1', 'a1', 'a2', 'a3']);
  expect(of('b')).toEqual(['b1', 'b2']);
  expect(endpoint.texts.indexOf('b2')).toBeLessThan(endpoint.texts.lastIndexOf('a1'));
});

test('trap: deliveryAttempt stands at the top of a wrapped body, with a dead letter policy only', async () => {
  await open();
  endpoint.respond = (_, n) => (n < 2 ? 503 : 204);
  await harness.publish(bench.orders, 'soup');
  await passUntilSeen(3);
  expect(endpoint.seen.map((request) => jsonOf(request)['deliveryAttempt'])).toEqual([1, 2, 3]);
  expect(jsonOf(endpoint.seen[0]!)['message']).not.toHaveProperty('deliveryAttempt');
  await bench.change('dead_letter_policy', { pushConfig });
  await harness.publish(bench.orders, 'salad');
  await passUntilSeen(4);
  expect(jsonOf(endpoint.seen[3]!)).not.toHaveProperty('deliveryAttempt');
});

test('what an endpoint refuses five times goes to the dead letter topic, and is pushed no more', async () => {
  await open();
  endpoint.respond = ({ body }) => (textOf(body) === 'soup' ? 400 : 204);
  await harness.publish(bench.orders, 'soup', 'salad');
  await passUntilSeen(6);
  await harness.clock.advance(600_000);
  expect(endpoint.texts.filter((text) => text === 'soup')).toHaveLength(5);
  expect(await bench.letters()).toMatchObject([
    { text: 'soup', attributes: { CloudPubSubDeadLetterSourceDeliveryCount: '5' } },
  ]);
  expect(await bench.unacked()).toBe(0);
});

test('a message that can neither be pushed nor forwarded does not keep the others from coming through', async () => {
  await open();
  endpoint.latencyMs = 20;
  endpoint.respond = ({ body }) => (textOf(body) === 'poison' ? 400 : 204);
  await harness.until(harness.broker.deleteTopic(bench.failed));
  await harness.publish(bench.orders, 'poison');
  await passUntilSeen(6);
  // It has failed too often by now, and others come.
  const before = endpoint.seen.length;
  const texts = Array.from({ length: 500 }, (_, n) => `m${n}`);
  await harness.publish(bench.orders, ...texts);
  await harness.clock.advance(120_000);
  const poisonCount = endpoint.texts.slice(before).filter((text) => text === 'poison').length;
  expect(endpoint.seen.length - before - poisonCount).toBe(500);
  expect(poisonCount).toBeLessThan(40);
});

test('a request that is not answered in time is a failure like any other', async () => {
  await open();
  endpoint.respond = () => null;
  await harness.publish(bench.orders, 'soup');
  await passUntilSeen(5);
  await harness.clock.advance(60_000);
  expect(await bench.letters()).toMatchObject([{ text: 'soup' }]);
  expect(endpoint.seen).toHaveLength(5);
});

test("a message's delay is the longer of push's own and the retry policy's", async () => {
  const retryPolicy = { minimumBackoffMs: 20_000, maximumBackoffMs: 80_000 };
  await open({ retryPolicy }, null);
  endpoint.respond = (_, n) => (n < 4 ? 500 : 204);
  await harness.publish(bench.orders, 'soup');
  await passUntilSeen(5);
  const gaps = endpoint.seen.slice(1).map(({ atMs }, n) => atMs - endpoint.seen[n]!.atMs);
  for (const [n, shortest] of [20_000, 40_000, 80_000, 80_000].entries()) {
    expect(gaps[n]).toBeGreaterThanOrEqual(shortest);
    // Push's own pause never asks for more than 60 s and the next round.
    expect(gaps[n]).toBeLessThanOrEqual(shortest + 11_000);
  }
});

test('with a minimum of 0 s the pause of push is what a message waits for', async () => {
  const retryPolicy = { minimumBackoffMs: 0, maximumBackoffMs: 600_000 };
  await open({ retryPolicy }, null);
  endpoint.respond = (_, n) => (n < 3 ? 500 : 204);
  await harness.publish(bench.orders, 'soup');
  await passUntilSeen(4);
  const gaps = endpoint.seen.slice(1).map(({ atMs }, n) => atMs - endpoint.seen[n]!.atMs);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100);
  expect(Math.max(...gaps)).toBeLessThan(20_000);
});

test('another endpoint ends the pause of push, but no delay of the retry policy', async () => {
  const retryPolicy = { minimumBackoffMs: 300_000, maximumBackoffMs: 300_000 };
  await open({ retryPolicy }, null);
  endpoint.respond = (_, n) => (n === 0 ? 500 : 204);
  await harness.publish(bench.orders, 'soup');
  await passUntilSeen(1);
  const elsewhere = { ...pushConfig, endpoint: 'https://example.com/elsewhere' };
  await harness.until(harness.broker.modifyPushConfig(bench.kitchen, elsewhere));
  await harness.clock.advance(200_000);
  expect(endpoint.seen).toHaveLength(1);
  await harness.clock.advance(101_000);
  expect(endpoint.seen).toHaveLength(2);
  expect(endpoint.seen[1]!.config).toEqual(elsewhere);
});

test('requests that a revoked key cut are no failed attempts', async () => {
  await open();
  endpoint.respond = () => null;
  await harness.publish(bench.orders, 'soup');
  for (let round = 1; round <= 8; round++) {
    await passUntilSeen(round);
    await harness.setKeyEnabled(keyVersion, false);
    await harness.setKeyEnabled(keyVersion, true);
  }
  await passUntilSeen(9);
  expect(endpoint.seen.map((request) => jsonOf(request)['deliveryAttempt'])).toEqual(
    Array.from({ length: endpoint.seen.length }, () => 1),
  );
  expect(await bench.letters()).toEqual([]);
});
