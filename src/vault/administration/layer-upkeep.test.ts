import { expect, test } from 'vitest';

import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { silentLogger } from '../../runtime/index.ts';
import { LayerUpkeep } from './layer-upkeep.ts';

const minuteMs = 60_000;

/** Collections as they are asked for, each ended by hand; their times, ms. */
function bench(): {
  clock: VirtualClock;
  upkeep: LayerUpkeep;
  times: number[];
  end: ((error?: Error) => void)[];
  errors: string[];
} {
  const clock = new VirtualClock();
  const times: number[] = [];
  const errors: string[] = [];
  const end: ((error?: Error) => void)[] = [];
  const images = {
    collect: () => {
      times.push(clock.monotonicMs());
      const { promise, resolve, reject } = Promise.withResolvers<{
        removed: number;
        bytes: number;
      }>();
      end.push((error) =>
        error === undefined ? resolve({ removed: 1, bytes: 9 }) : reject(error),
      );
      return promise;
    },
  };
  const log = { ...silentLogger, error: (_: object, text: string) => void errors.push(text) };
  const upkeep = new LayerUpkeep({ images, clock, entropy: new SeededEntropy(1), log });
  return { clock, upkeep, times, end, errors };
}

test('layers are collected some minutes after the start, then about once an hour', async () => {
  const { clock, upkeep, times, end } = bench();
  await clock.advance(4 * minuteMs);
  expect(times).toEqual([]);
  await clock.advance(minuteMs);
  expect(times).toEqual([5 * minuteMs]);
  for (let hour = 0; hour < 20; hour++) {
    end.at(-1)!();
    await clock.advance(66 * minuteMs);
    const pauses = times.slice(1).map((time, index) => time - times[index]!);
    expect(pauses).toHaveLength(hour + 1);
    for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(54 * minuteMs);
  }
  end.at(-1)!();
  await upkeep.stop();
});

test('two vaults that began together do not go on together', async () => {
  const { clock, upkeep, times, end } = bench();
  await clock.advance(5 * minuteMs);
  end[0]!();
  await clock.advance(66 * minuteMs);
  end[1]!();
  await clock.advance(66 * minuteMs);
  expect(times[2]! - times[1]!).not.toBe(times[1]! - times[0]!);
  end[2]!();
  await upkeep.stop();
});

test('one that lasts is not overtaken, and one that failed is said and tried again', async () => {
  const { clock, upkeep, times, end, errors } = bench();
  await clock.advance(10 * 60 * minuteMs);
  expect(times).toHaveLength(1);
  end[0]!(new Error('the disk went away'));
  await clock.advance(66 * minuteMs);
  expect(errors).toEqual(['layers that no image needs were not removed']);
  expect(times).toHaveLength(2);
  end[1]!();
  await upkeep.stop();
});

test('a stop waits for the one under way, and plans no other', async () => {
  const { clock, upkeep, times, end } = bench();
  await clock.advance(5 * minuteMs);
  let isStopped = false;
  const stopped = upkeep.stop().then(() => (isStopped = true));
  await clock.settle();
  expect(isStopped).toBe(false);
  end[0]!();
  await stopped;
  await clock.advance(24 * 60 * minuteMs);
  expect(times).toHaveLength(1);
  expect(clock.pendingCount).toBe(0);
});
