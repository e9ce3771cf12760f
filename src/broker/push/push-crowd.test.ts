import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { ScriptedEndpoint } from '../../../test/support/scripted-endpoint.ts';
import type { PushConfig } from '../service.ts';
import type { MemoryStore, Store } from '../../storage/index.ts';

const pushConfig: PushConfig = { endpoint: 'https://example.com/push', attributes: {} };
const subscriptionCount = 80;
const messagesEach = 2;

test('those that wait for memory read nothing over and over, and all get through', async () => {
  let readCount = 0;
  const counting = (store: MemoryStore): Store =>
    new Proxy<Store>(store, {
      get(_, name) {
        const member: unknown = Reflect.get(store, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (name === 'read') readCount++;
          return Reflect.apply(member, store, args);
        };
      },
    });
  const endpoint: ScriptedEndpoint = new ScriptedEndpoint(() => harness.clock);
  const harness: BrokerHarness = await BrokerHarness.open({
    pushSender: endpoint,
    wrapStore: counting,
  });
  endpoint.respond = () => null;
  const text = 'x'.repeat(1_500_000);
  for (let n = 0; n < subscriptionCount; n++) {
    const topic = await harness.createTopic(`topic-${n}`);
    const config = { pushConfig, ackDeadlineSeconds: 600 };
    await harness.createSubscription(`subscription-${n}`, topic, config);
    for (let m = 0; m < messagesEach; m++) await harness.publish(topic, text);
  }
  await harness.clock.advance(100);
  expect(endpoint.open.length).toBeLessThan(subscriptionCount);
  readCount = 0;
  while (endpoint.open.length > 0) {
    endpoint.open[0]!.answer(204);
    await harness.clock.advance(10);
  }
  expect(endpoint.seen).toHaveLength(subscriptionCount * messagesEach);
  // Once as it waits, and once as it is sent.
  expect(readCount).toBeLessThanOrEqual(2 * subscriptionCount * messagesEach);
  await harness.close();
}, 60_000);
