import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { StorageError } from '../../storage/index.ts';
import type { RestCall } from '../route.ts';
import { diagnoseRoutes } from './diagnose-routes.ts';

test('an age that the disk cannot tell is left out', async () => {
  let isSilent = false;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const read = disk.read.bind(disk);
      disk.read = async (log, from, bytesMax) => {
        if (isSilent) throw new StorageError('io', 'the disk does not answer');
        return await read(log, from, bytesMax);
      };
      return disk;
    },
  });
  const topic = await harness.createTopic('orders');
  const name = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one');
  const routes = diagnoseRoutes(harness.broker, { version: '0', node: '0' });
  const route = routes.find(({ rpc }) => rpc.endsWith('.DiagnoseSubscription'))!;
  const ask = async (): Promise<unknown> =>
    await harness.until(Promise.resolve(route.handle({ params: { name } } as unknown as RestCall)));
  isSilent = true;
  const unknown = await ask();
  expect(unknown).toMatchObject({ unackedCount: 1 });
  expect(unknown).not.toHaveProperty('oldestUnackedAgeSeconds');
  isSilent = false;
  expect(await ask()).toMatchObject({ unackedCount: 1, oldestUnackedAgeSeconds: 0 });
  await harness.close();
});
