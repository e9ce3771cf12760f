import { expect, test } from 'vitest';

import {
  BrokerHarness,
  subscriptionDefaults,
  subscriptionName,
  topicName,
} from '../../test/support/broker-harness.ts';
import { StorageError } from '../storage/index.ts';

const topic = { name: topicName('orders'), labels: {} };
const subscription = {
  ...subscriptionDefaults,
  name: subscriptionName('billing'),
  topic: topic.name,
};

interface Bench {
  readonly harness: BrokerHarness;
  /** The next take-over of a log fails, and so does the change of rows that follows, if asked. */
  readonly failNext: (isRemovalRefused: boolean) => void;
}

async function open(): Promise<Bench> {
  let fail: (() => void) | null = null;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const own = disk.own.bind(disk);
      disk.own = async (log, seen) => {
        const failing = fail;
        fail = null;
        failing?.();
        return await own(log, seen);
      };
      return disk;
    },
  });
  const failNext = (isRemovalRefused: boolean): void => {
    fail = (): never => {
      if (isRemovalRefused) harness.faults.next('io');
      throw new StorageError('io', 'the disk does not answer');
    };
  };
  return { harness, failNext };
}

type Create = (harness: BrokerHarness) => Promise<unknown>;
const createTopic: Create = (harness) => harness.until(harness.broker.createTopic(topic));
const createSubscription: Create = (harness) =>
  harness.until(harness.broker.createSubscription(subscription));

test.each([false, true])(
  'a topic that could not be taken over is not there, and is created when it is tried again (removal refused: %s)',
  async (isRemovalRefused) => {
    const { harness, failNext } = await open();
    failNext(isRemovalRefused);
    await expect(createTopic(harness)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(harness.faults.pendingCount).toBe(0);
    await createTopic(harness);
    expect(await harness.broker.getTopic(topic.name)).toEqual(topic);
    await createSubscription(harness);
    await harness.publish(topic.name, 'one');
    await harness.restart();
    expect(await harness.pull(subscription.name)).toMatchObject([{ text: 'one' }]);
    await harness.close();
  },
);

test.each([false, true])(
  'so is a subscription, which gets what is published from then on (removal refused: %s)',
  async (isRemovalRefused) => {
    const { harness, failNext } = await open();
    await createTopic(harness);
    failNext(isRemovalRefused);
    await expect(createSubscription(harness)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(harness.faults.pendingCount).toBe(0);
    await harness.publish(topic.name, 'before');
    await createSubscription(harness);
    await harness.publish(topic.name, 'after');
    await harness.restart();
    expect(await harness.pull(subscription.name)).toMatchObject([{ text: 'after' }]);
    await harness.close();
  },
);

test('a half-created subscription does not outlive its topic', async () => {
  const { harness, failNext } = await open();
  await createTopic(harness);
  failNext(true);
  await expect(createSubscription(harness)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await harness.until(harness.broker.deleteTopic(topic.name));
  await harness.restart();
  await createTopic(harness);
  await createSubscription(harness);
  await harness.publish(topic.name, 'one');
  expect(await harness.pull(subscription.name)).toMatchObject([{ text: 'one' }]);
  await harness.close();
});
