import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import type { DekManager } from '../../envelope/index.ts';
import { TopicKey } from './topic-key.ts';

test('an answer from before the key was taken away makes it usable no more', async () => {
  const harness = await BrokerHarness.open();
  const { name: kmsKeyName, version } = await harness.createKey();
  const topic = {
    name: 'projects/sim-project/topics/t',
    uid: new Uint8Array(16).fill(1),
    kmsKeyName,
  };
  const { promise: gone, resolve: go } = Promise.withResolvers<void>();
  const forSeal: DekManager['forSeal'] = async (of) => {
    const dek = await harness.deks.forSeal(of);
    await gone;
    return dek;
  };
  const late = new Proxy(harness.deks, {
    get(target, property) {
      if (property === 'forSeal') return forSeal;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const key = new TopicKey(topic, late);
  harness.deks.onEvent(({ kind }) => {
    if (kind === 'revoked') key.revoked();
  });
  const answer = key.forSeal();
  await harness.clock.settle();
  await harness.setKeyEnabled(version, false);
  expect(key.isUsable).toBe(false);
  go();
  expect((await answer).isAlive).toBe(false);
  expect(key.isUsable).toBe(false);
  await harness.close();
});
