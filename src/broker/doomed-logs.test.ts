import { expect, test } from 'vitest';
import { BrokerHarness } from '../../test/support/broker-harness.ts';
import type { KeyStore } from '../storage/index.ts';

const dekCount = async (rows: KeyStore): Promise<number> => (await rows.list('dek/')).length;

async function withMessage(refuses: () => boolean): Promise<{
  readonly harness: BrokerHarness;
  readonly topic: string;
}> {
  const harness = await BrokerHarness.open({
    wrapStore: (store) =>
      new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name === 'drop' && refuses()) return () => Promise.reject(new Error('crashed'));
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  });
  const topic = await harness.createTopic('orders');
  await harness.publish(topic, 'one');
  return { harness, topic };
}

test("a deletion that was cut short takes the topic's DEKs away at the next start", async () => {
  let isCut = true;
  const { harness, topic } = await withMessage(() => isCut);
  await harness.until(harness.broker.deleteTopic(topic));
  expect(await dekCount(harness.keyRows)).toBe(1);
  isCut = false;
  await harness.restart();
  expect(await dekCount(harness.keyRows)).toBe(0);
  await harness.close();
});

test('so does the deletion of the last subscription of a deleted topic', async () => {
  let isCut = false;
  const { harness, topic } = await withMessage(() => isCut);
  const subscription = await harness.createSubscription('s', topic);
  await harness.publish(topic, 'two');
  await harness.until(harness.broker.deleteTopic(topic));
  await harness.restart();
  // Somebody may still read it: the DEKs stay.
  expect(await dekCount(harness.keyRows)).toBe(1);
  isCut = true;
  await harness.until(harness.broker.deleteSubscription(subscription));
  isCut = false;
  await harness.restart();
  expect(await dekCount(harness.keyRows)).toBe(0);
  await harness.close();
});
