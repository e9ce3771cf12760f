import { afterEach, expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';

let harness: BrokerHarness;
let bench: DeadLetterBench;

afterEach(async () => {
  await harness.close();
});

/** A broker whose message fails for the fifth time, and that dies `turns` event-loop turns later. */
async function dieAfter(turns: number): Promise<void> {
  harness = await BrokerHarness.open();
  bench = await DeadLetterBench.open(harness);
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(4);
  const [last] = await harness.pull(bench.kitchen);
  const nack = harness.broker.modifyAckDeadline(bench.kitchen, [last!.ackId], 0);
  nack.catch(() => undefined);
  await harness.clock.settle(turns);
  await harness.restart();
}

test.each([0, 1, 2, 3, 4, 6, 8, 12, 20])(
  'a crash %i turns after the last failure repeats the copy at most, and never loses the message',
  async (turns) => {
    await dieAfter(turns);
    const letters = await bench.letters();
    // Attempts are not kept over a restart: what was not acknowledged begins anew.
    await bench.refuse(5);
    const more = await bench.letters();
    const all = [...letters, ...more].map(({ text }) => text);
    expect(all.length).toBeGreaterThanOrEqual(1);
    expect(all.length).toBeLessThanOrEqual(2);
    expect(new Set(all)).toEqual(new Set(['soup']));
    expect(await bench.unacked()).toBe(0);
  },
);

test('once the acknowledgement is written as well, a restart brings nothing back', async () => {
  await dieAfter(0);
  await bench.refuse(5);
  await harness.clock.advance(2_000);
  await harness.restart();
  expect(await bench.letters()).toHaveLength(1);
  expect(await bench.unacked()).toBe(0);
});

test('an exactly-once subscription keeps the failures of what is outstanding over a crash', async () => {
  harness = await BrokerHarness.open();
  const kitchen = { enableExactlyOnceDelivery: true };
  bench = await DeadLetterBench.open(harness, { kitchen });
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(3);
  const [fourth] = await harness.pull(bench.kitchen);
  expect(fourth?.deliveryAttempt).toBe(4);
  await harness.restart();
  // Its deadline goes on, and passes.
  await harness.clock.advance(11_000);
  const [fifth] = await harness.pull(bench.kitchen);
  expect(fifth?.deliveryAttempt).toBe(5);
  await bench.nack([fifth!]);
  expect((await bench.letters()).map(({ text }) => text)).toEqual(['soup']);
  expect(await bench.unacked()).toBe(0);
});

test('a commit that nobody can vouch for is looked up: the copy is there once', async () => {
  harness = await BrokerHarness.open();
  bench = await DeadLetterBench.open(harness);
  await harness.publish(bench.orders, 'soup');
  await bench.refuse(4);
  const [last] = await harness.pull(bench.kitchen);
  harness.faults.next('unknown-landed');
  await bench.nack([last!]);
  harness.dropFaults();
  expect(await bench.letters()).toHaveLength(1);
  expect(await bench.unacked()).toBe(0);
});
