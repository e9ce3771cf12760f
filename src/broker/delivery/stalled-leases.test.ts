import { expect, test } from 'vitest';

import { BrokerHarness, StreamProbe } from '../../../test/support/broker-harness.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import type { MemoryStore, Store } from '../../storage/index.ts';

/** A disk whose commits wait for as long as it is stalled. */
class StallingDisk {
  isStalled = false;
  #waiting: (() => void)[] = [];

  wrap(disk: MemoryStore): Store {
    const commit = disk.commit.bind(disk);
    disk.commit = async (ops) => {
      if (this.isStalled) {
        await new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
        });
      }
      return await commit(ops);
    };
    return disk;
  }

  goOn(): void {
    this.isStalled = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

test('a lease whose deadline passes before the disk has it is no failed delivery', async () => {
  const disk = new StallingDisk();
  const events = new EventRecorder();
  const harness = await BrokerHarness.open({
    wrapStore: (store) => disk.wrap(store),
    observer: events.observer,
  });
  const graves = await harness.createTopic('graves');
  await harness.createSubscription('mourner', graves);
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, {
    enableExactlyOnceDelivery: true,
    deadLetterPolicy: { deadLetterTopic: graves, maxDeliveryAttempts: 5 },
  });
  await harness.publish(topic, 'one', 'two');
  disk.isStalled = true;
  const probe = new StreamProbe();
  const settings = { ackDeadlineSeconds: 10, outstandingMessagesMax: 0, outstandingBytesMax: 0 };
  const all = { ...settings, clientId: '' };
  const opening = harness.broker.openStream(subscription, all, probe);
  const stream = await harness.until(opening);
  await harness.clock.advance(120_000);
  expect(probe.received).toEqual([]);
  disk.goOn();
  await harness.clock.advance(1_000);
  const got = probe.take();
  expect(got.map(({ text }) => text)).toEqual(['one', 'two']);
  // pubsub.v1 ReceivedMessage: 1 + nacks + deadlines that passed.
  expect(got.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 1]);
  expect(events.take('expired')).toEqual([]);
  await harness.acknowledge(
    subscription,
    got.map(({ ackId }) => ackId),
  );
  stream.close();
  await harness.close();
});
