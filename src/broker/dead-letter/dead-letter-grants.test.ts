import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import { RpcError } from '../../rpc/index.ts';

test('without a grant of the service agent the message stays and is found; with it, it goes on', async () => {
  const asked: [subscription: string, topic: string][] = [];
  let isGranted = false;
  const events = new EventRecorder();
  const harness = await BrokerHarness.open({
    observer: events.observer,
    requireForward: async (subscription, topic) => {
      asked.push([subscription, topic]);
      if (isGranted) return;
      throw new RpcError('PERMISSION_DENIED', 'SERVICE_AGENT_DENIED', 'The agent lacks a role.');
    },
  });
  try {
    const bench = await DeadLetterBench.open(harness);
    await harness.publish(bench.orders, 'soup');
    await bench.refuse(5);
    expect(asked).toEqual([[bench.kitchen, bench.failed]]);
    expect(events.take('deadLettered')).toEqual([
      ['deadLettered', bench.kitchen, 'PERMISSION_DENIED'],
    ]);
    expect(await bench.letters()).toEqual([]);
    expect(await bench.unacked()).toBe(1);
    const { findings } = await harness.until(harness.broker.diagnoseSubscription(bench.kitchen));
    expect(findings).toContainEqual(
      expect.objectContaining({
        reason: 'DEAD_LETTERS_REFUSED',
        message: expect.stringContaining('The agent lacks a role.') as string,
      }),
    );
    isGranted = true;
    await bench.refuse(1);
    expect((await bench.letters()).map(({ text }) => text)).toEqual(['soup']);
    expect(await bench.unacked()).toBe(0);
  } finally {
    await harness.close();
  }
});
