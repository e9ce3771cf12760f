import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { defaultTransformLimits } from '../limits.ts';
import { packed, type Turn } from './turn.ts';
import { UdfThread } from './udf-thread.ts';

const udf = { functionName: 'f', code: 'function f(message) { return message; }' };
const turn: Turn = { kind: 'turn', id: 1, udf, nowMs: 0, messages: packed([]) };

test('a thread that cannot be started is lost before it began, and is tried again', async () => {
  // What cannot be copied to a thread makes its start throw, as a limit of the system does.
  const limits = { ...defaultTransformLimits, uncloneable: () => undefined };
  const thread = new UdfThread(new VirtualClock(), limits);
  for (let tries = 0; tries < 2; tries++) {
    expect(await thread.run(turn)).toEqual({ lostAt: 'idle', isStall: false });
    expect(thread.isBusy).toBe(false);
    expect(thread.isAlive).toBe(false);
  }
  await thread.close();
});
