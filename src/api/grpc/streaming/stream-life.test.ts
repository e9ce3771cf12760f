import { describe, expect, test } from 'vitest';

import { SeededEntropy } from '../../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../../test/support/virtual-clock.ts';
import { lifeMsMax, lifeMsMin, silenceMsMax, StreamLife } from './stream-life.ts';

interface Watched {
  readonly clock: VirtualClock;
  readonly life: StreamLife;
  readonly silencesMs: number[];
  readonly endsMs: number[];
}

function watch(isKeptAlive: boolean, seed: number = 1): Watched {
  const clock = new VirtualClock();
  const silencesMs: number[] = [];
  const endsMs: number[] = [];
  const life = new StreamLife({
    clock,
    entropy: new SeededEntropy(seed),
    isKeptAlive,
    onSilence: () => void silencesMs.push(clock.monotonicMs()),
    onOver: () => void endsMs.push(clock.monotonicMs()),
  });
  return { clock, life, silencesMs, endsMs };
}

describe('signs of life', () => {
  test('come every 12 s, within the 10 to 15 s that clients allow, while nothing else is sent', async () => {
    const { clock, silencesMs } = watch(true);
    await clock.advance(60_000);
    expect(silencesMs).toEqual([12_000, 24_000, 36_000, 48_000, 60_000]);
    expect(silenceMsMax).toBeGreaterThanOrEqual(10_000);
    expect(silenceMsMax).toBeLessThan(15_000);
  });

  test('are not needed where something is sent anyway, and begin 12 s after the last of it', async () => {
    const { clock, life, silencesMs } = watch(true);
    for (let n = 0; n < 10; n++) {
      await clock.advance(5_000);
      life.sent();
    }
    expect(silencesMs).toEqual([]);
    await clock.advance(12_000);
    expect(silencesMs).toEqual([62_000]);
  });

  test('are not sent to clients of protocol version 0', async () => {
    const { clock, silencesMs } = watch(false);
    await clock.advance(lifeMsMax);
    expect(silencesMs).toEqual([]);
  });
});

describe('the end', () => {
  test('comes once, after 25 to 30 minutes, and not at the same time for all', async () => {
    const ends = new Set<number>();
    for (let seed = 1; seed <= 5; seed++) {
      const { clock, endsMs } = watch(false, seed);
      await clock.advance(2 * lifeMsMax);
      expect(endsMs).toHaveLength(1);
      expect(endsMs[0]).toBeGreaterThanOrEqual(lifeMsMin);
      expect(endsMs[0]).toBeLessThanOrEqual(lifeMsMax);
      ends.add(endsMs[0]!);
    }
    expect(ends.size).toBeGreaterThan(1);
  });

  test('does not come, and nothing else does, once it is stopped', async () => {
    const { clock, life, silencesMs, endsMs } = watch(true);
    life.stop();
    await clock.advance(2 * lifeMsMax);
    expect([silencesMs, endsMs]).toEqual([[], []]);
  });
});
