import { expect, test } from 'vitest';

import { BrokerHarness } from '../support/broker-harness.ts';
import { usedBytes } from '../support/used-bytes.ts';

const count = 2_000;

test('an idle ephemeral subscription with its stream costs little, and nothing once it is gone', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const sink = { deliver: (): boolean => true, fail: (): void => undefined };
  const limits = { ackDeadlineSeconds: 10, outstandingMessagesMax: 0, outstandingBytesMax: 0 };
  const create = async (): Promise<string[]> => {
    const names: string[] = [];
    for (let i = 0; i < count; i++) {
      const { name } = await harness.broker.createEphemeralSubscription(topic, 10);
      await harness.broker.openStream(name, { ...limits, clientId: '' }, sink);
      names.push(name);
    }
    return names;
  };
  const remove = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await harness.broker.deleteEphemeralSubscription(name);
  };
  // Once for what is allocated only once.
  await harness.until(create().then(remove));
  const before = usedBytes();
  const names = await harness.until(create());
  const each = (usedBytes() - before) / count;
  expect(each).toBeGreaterThan(256);
  expect(each).toBeLessThan(10 * 1024);
  await harness.until(remove(names));
  expect((usedBytes() - before) / count).toBeLessThan(256);
  await harness.close();
});
