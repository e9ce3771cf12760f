import { beforeAll, expect, test } from 'vitest';

import type { Delivery, PullStream } from '../../src/broker/index.ts';
import { BrokerHarness, textMessage } from '../support/broker-harness.ts';
import { usedBytes } from '../support/used-bytes.ts';

const messageCount = 2_000_000;
const window = 100_000;
const mib = 1024 * 1024;

let harness: BrokerHarness;
let topic: string;
let subscription: string;

/** A stream whose every delivery goes to `take`, with the stored bytes left alone. */
async function listen(
  take: (delivery: Delivery) => void,
  outstandingMessagesMax = 0,
): Promise<PullStream> {
  const settings = { ackDeadlineSeconds: 600, outstandingMessagesMax };
  const sink = {
    deliver: (batch: readonly Delivery[]): boolean => {
      for (const delivery of batch) take(delivery);
      return true;
    },
    fail: (error: unknown): void => {
      throw error;
    },
  };
  const all = { ...settings, outstandingBytesMax: 0, clientId: 'memory' };
  return await harness.until(harness.broker.openStream(subscription, all, sink));
}

const unacked = async (): Promise<number> => (await harness.broker.backlogs())[0]!.unackedCount;
const outstanding = async (): Promise<number> =>
  (await harness.broker.backlogs())[0]!.outstandingCount;

/** Runs the broker until a round of `act` finds nothing more to do. */
async function untilQuiet(act: () => boolean): Promise<void> {
  for (let quiet = 0; quiet < 20;) {
    await harness.clock.advance(1);
    quiet = act() ? 0 : quiet + 1;
  }
}

beforeAll(async () => {
  harness = await BrokerHarness.open({ limits: { outstandingWindow: window } });
  topic = await harness.createTopic('orders');
  subscription = await harness.createSubscription('billing', topic);
  const messages = Array.from({ length: 1_000 }, () => textMessage('a short message'));
  for (let count = 0; count < messageCount; count += 50_000) {
    const requests = Array.from({ length: 50 }, () => harness.broker.publish(topic, messages));
    await harness.until(Promise.all(requests));
  }
}, 60_000);

test('a scan that leaves every tenth message stops at the window and drops nothing', async () => {
  expect(await unacked()).toBe(messageCount);
  const before = usedBytes();
  let count = 0;
  let acks: string[] = [];
  const holes: string[] = [];
  const stream = await listen(({ ackId }) => {
    if (count++ % 10 === 0) holes.push(ackId);
    else acks.push(ackId);
  });
  const acknowledge = (): boolean => {
    harness.broker.streamAcknowledge(subscription, acks);
    return acks.splice(0).length > 0;
  };
  await untilQuiet(acknowledge);
  expect(holes).toHaveLength(window);
  // The last hole that the window takes is the first of its ten.
  expect(count).toBe(10 * window - 9);
  expect(await outstanding()).toBe(window);
  expect(await unacked()).toBe(messageCount - (count - holes.length));
  // 256 bytes a lease, its id, what is read ahead and what is kept open; never the backlog.
  expect(usedBytes() - before).toBeLessThan(80 * mib);

  acks = holes.splice(0);
  await untilQuiet(acknowledge);
  expect(count).toBe(2 * 10 * window - 9);
  expect(await unacked()).toBe(messageCount - (count - holes.length));
  acks = holes.splice(0);
  await untilQuiet(acknowledge);
  expect(await unacked()).toBe(0);
  expect(count).toBe(messageCount);
  stream.close();
  // The holes are gone, and so is what they took.
  expect(usedBytes() - before).toBeLessThan(48 * mib);
});

test('a million nacks leave nothing behind', async () => {
  const messages = Array.from({ length: 500 }, (_, i) => textMessage(`message ${i}`));
  await harness.until(harness.broker.publish(topic, messages));
  let nacks: string[] = [];
  let count = 0;
  const stream = await listen(({ ackId }) => {
    nacks.push(ackId);
    count++;
  }, 400);
  const before = usedBytes();
  while (count < 1_000_000) {
    const ids = nacks;
    nacks = [];
    harness.broker.streamModifyAckDeadline(subscription, ids, []);
    await harness.clock.settle(1);
  }
  expect(await unacked()).toBe(500);
  expect(await outstanding()).toBe(400);
  expect(usedBytes() - before).toBeLessThan(4 * mib);
  stream.close();
  await harness.close();
  expect(harness.clock.pendingCount).toBe(0);
});
