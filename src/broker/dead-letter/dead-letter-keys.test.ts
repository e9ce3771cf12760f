import { afterEach, beforeEach, expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';

let harness: BrokerHarness;
let bench: DeadLetterBench;
let events: EventRecorder;
let ordersVersion: string;
let failedVersion: string;

/** Two topics under a key each; a message that has failed once too little. */
beforeEach(async () => {
  events = new EventRecorder();
  harness = await BrokerHarness.open({ observer: events.observer });
  const [orders, failed] = [await harness.createKey(), await harness.createKey()];
  ordersVersion = orders.version;
  failedVersion = failed.version;
  bench = await DeadLetterBench.open(harness, { ordersKey: orders.name, failedKey: failed.name });
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(4);
});

afterEach(async () => {
  await harness.setKeyEnabled(ordersVersion, true);
  await harness.setKeyEnabled(failedVersion, true);
  await harness.close();
});

const codes = (): unknown[] => events.take('deadLettered').map(([, , code]) => code);

/** The fifth failure, by the deadline: no key is needed for that. */
async function fail(): Promise<void> {
  await harness.clock.advance(11_000);
}

test("the copy is sealed under the dead letter topic's own key: without the source's it is read", async () => {
  await harness.pull(bench.kitchen);
  await fail();
  expect(codes()).toEqual(['OK']);
  await harness.setKeyEnabled(ordersVersion, false);
  expect((await bench.letters()).map(({ text }) => text)).toEqual(['soup']);
});

test("without the dead letter topic's key the copy is not read, whatever the source's may do", async () => {
  await harness.pull(bench.kitchen);
  await fail();
  await harness.setKeyEnabled(failedVersion, false);
  await expect(bench.letters()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
});

test("without the source's key nothing is forwarded, and the message stays", async () => {
  await harness.pull(bench.kitchen);
  await harness.setKeyEnabled(ordersVersion, false);
  await fail();
  expect(codes()).toEqual(['FAILED_PRECONDITION']);
  expect(await bench.letters()).toEqual([]);
  expect(await bench.unacked()).toBe(1);
  await harness.setKeyEnabled(ordersVersion, true);
  await bench.refuse(1);
  expect(codes()).toEqual(['OK']);
  expect((await bench.letters()).map(({ text }) => text)).toEqual(['soup']);
  expect(await bench.unacked()).toBe(0);
});

test("without the dead letter topic's key the message stays, and goes on once it is restored", async () => {
  await harness.pull(bench.kitchen);
  await harness.setKeyEnabled(failedVersion, false);
  await fail();
  await bench.refuse(2);
  expect(codes()).toEqual(['FAILED_PRECONDITION', 'FAILED_PRECONDITION', 'FAILED_PRECONDITION']);
  expect(await bench.unacked()).toBe(1);
  await harness.setKeyEnabled(failedVersion, true);
  const [[delivery] = []] = await bench.refuse(1);
  expect(delivery?.deliveryAttempt).toBe(8);
  expect(codes()).toEqual(['OK']);
  expect(await bench.letters()).toMatchObject([
    { text: 'soup', attributes: { CloudPubSubDeadLetterSourceDeliveryCount: '8' } },
  ]);
});

test('nothing of a copy is on the disk in the clear', async () => {
  await harness.pull(bench.kitchen);
  await fail();
  const logs = Array.from({ length: 12 }, (_, log) => log);
  const segments = await Promise.all(logs.map((log) => harness.disk.read(log, 0, 1 << 20)));
  const bodies = segments.flat().map(({ body }) => Buffer.from(body).toString('latin1'));
  expect(bodies.length).toBeGreaterThanOrEqual(2);
  for (const body of bodies) {
    expect(body).not.toContain('soup');
    expect(body).not.toContain('CloudPubSubDeadLetter');
  }
});
