import type { Subscription } from '../../src/broker/index.ts';
import { BrokerHarness, type HarnessOptions } from './broker-harness.ts';

/** A topic, a subscription to it, and the broker that they are in. */
export interface SnapshotBench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;
}

/** With these texts published, one request each. */
export async function openSnapshotBench(
  options: HarnessOptions,
  more: Partial<Subscription>,
  texts: readonly string[],
): Promise<SnapshotBench> {
  const harness = await BrokerHarness.open(options);
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, more);
  for (const text of texts) await harness.publish(topic, text);
  return { harness, topic, subscription };
}

/** What a seek to it brings, on a subscription of its own. */
export async function replay(
  { harness, topic }: SnapshotBench,
  snapshot: string,
): Promise<string[]> {
  const subscription = await harness.createSubscription('replay', topic);
  await harness.until(harness.broker.seek(subscription, { snapshot }));
  const texts = await harness.consume(subscription);
  await harness.until(harness.broker.deleteSubscription(subscription));
  return texts;
}

/** Sequences that the topic's log still holds. */
export async function kept({ harness }: SnapshotBench): Promise<number[]> {
  await harness.until(harness.broker.sweep());
  const [tail] = await harness.store.tails([1]);
  return [tail!.trim, tail!.next];
}

export async function ack(
  { harness, subscription }: SnapshotBench,
  ...texts: string[]
): Promise<void> {
  const received = await harness.pull(subscription);
  const ackIds = received.filter(({ text }) => texts.includes(text)).map(({ ackId }) => ackId);
  await harness.acknowledge(subscription, ackIds);
  await harness.until(
    harness.broker.modifyAckDeadline(
      subscription,
      received.map(({ ackId }) => ackId),
      0,
    ),
  );
}
