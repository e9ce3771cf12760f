import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { Cancel } from '../../runtime/index.ts';
import { PushPause } from './push-pause.ts';

/** Its timers fire a little before their time, as real ones may. */
class HastyClock extends VirtualClock {
  override schedule(atMs: number, run: () => void): Cancel {
    return super.schedule(atMs - 0.4, run);
  }
}

function open(clock: VirtualClock): { pause: PushPause; ends: number[] } {
  const ends: number[] = [];
  const pause = new PushPause(clock, () => void ends.push(clock.monotonicMs()));
  return { pause, ends };
}

test('a pause whose timer is early is over when that fires', async () => {
  const clock = new HastyClock();
  const { pause, ends } = open(clock);
  pause.moveTo(100);
  await clock.advance(200);
  expect(ends).toHaveLength(1);
  expect(pause.isOn).toBe(false);
});

test('it may be moved either way, and ends once', async () => {
  const clock = new VirtualClock();
  const { pause, ends } = open(clock);
  pause.moveTo(100);
  pause.moveTo(300);
  await clock.advance(200);
  expect(ends).toEqual([]);
  expect(pause.leftMs).toBe(100);
  pause.moveTo(150);
  expect(ends).toEqual([200]);
  await clock.advance(1_000);
  expect(ends).toEqual([200]);
});

test('what was stopped is told again when it is armed', async () => {
  const clock = new VirtualClock();
  const { pause, ends } = open(clock);
  pause.moveTo(100);
  pause.stop();
  await clock.advance(50);
  pause.arm();
  pause.arm();
  await clock.advance(100);
  expect(ends).toEqual([100]);
  expect(clock.pendingCount).toBe(0);
});
