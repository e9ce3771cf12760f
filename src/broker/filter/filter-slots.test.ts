import { expect, test } from 'vitest';

import { BrokerHarness, subscriptionName } from '../../../test/support/broker-harness.ts';
import { StorageError } from '../../storage/index.ts';
import { sealableMessage } from '../wire/index.ts';

test('two filters never share a slot, not even if the disk is silent about the first', async () => {
  let isSilent = false;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const get = disk.meta.get.bind(disk.meta);
      disk.meta.get = async (key) => {
        if (isSilent) throw new StorageError('io', 'the disk does not answer');
        return await get(key);
      };
      return disk;
    },
  });
  const publish = async (color: string): Promise<void> => {
    const attributes: [string, string][] = [['color', color]];
    const message = sealableMessage({ data: Buffer.from(color), attributes, orderingKey: '' });
    await harness.until(harness.broker.publish(topic, [message]));
  };
  const topic = await harness.createTopic('orders');
  const red = { filter: 'attributes.color = "red"' };
  const blue = { filter: 'attributes.color = "blue"' };
  isSilent = true;
  harness.faults.next('unknown-landed');
  const refusal = { code: 'UNAVAILABLE' };
  await expect(harness.createSubscription('reds', topic, red)).rejects.toMatchObject(refusal);
  isSilent = false;
  // What is stored is not what was believed: the first try finds that out.
  await expect(harness.createSubscription('blues', topic, blue)).rejects.toMatchObject({
    code: 'ABORTED',
  });
  const blues = await harness.createSubscription('blues', topic, blue);
  await harness.restart();
  await publish('red');
  await publish('blue');
  expect(await harness.consume(blues)).toEqual(['blue']);
  expect(await harness.consume(subscriptionName('reds'))).toEqual(['red']);
  await harness.close();
});
