import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { planScale, type ScaleView } from './scale-plan.ts';

const calm: ScaleView = {
  routing: 'routed',
  minInstances: 0,
  maxInstances: 10,
  concurrency: 1,
  ready: 0,
  idleSinceMs: [],
  starting: 0,
  waiting: 0,
  isKeyGood: true,
  notBeforeMs: 0,
  nowMs: 100_000,
  idleMs: 60_000,
};

const views: fc.Arbitrary<ScaleView> = fc
  .record({
    routing: fc.constantFrom('fresh' as const, 'routed' as const, 'retired' as const),
    minInstances: fc.nat(5),
    extra: fc.nat(10),
    concurrency: fc.integer({ min: 1, max: 100 }),
    ready: fc.nat(12),
    idle: fc.array(fc.nat(100_000), { maxLength: 12 }),
    starting: fc.nat(5),
    waiting: fc.nat(1_000),
    isKeyGood: fc.boolean(),
    notBeforeMs: fc.nat(200_000),
  })
  .map(({ extra, idle, minInstances, ...view }) => ({
    ...calm,
    ...view,
    minInstances,
    maxInstances: Math.max(1, minInstances + extra),
    idleSinceMs: idle.slice(0, view.ready),
  }));

describe('how many start', () => {
  test.each([
    ['none without need', {}, 0],
    ['the minimum', { minInstances: 2 }, 2],
    ['what lacks of it', { minInstances: 3, ready: 1, starting: 1 }, 1],
    ['one for so many as it takes', { waiting: 80, concurrency: 80 }, 1],
    ['another for one more', { waiting: 81, concurrency: 80 }, 2],
    ['none that already start', { waiting: 81, concurrency: 80, starting: 2 }, 0],
    ['at most the maximum', { waiting: 99 }, 10],
    ['none beyond it', { waiting: 99, ready: 9, starting: 1 }, 0],
    ['none before its time', { waiting: 1, notBeforeMs: 100_001 }, 0],
    ['none while the key is not good', { waiting: 1, minInstances: 1, isKeyGood: false }, 0],
    ['no minimum of what is not routed', { minInstances: 2, routing: 'retired' as const }, 0],
    ['what waits for it still', { waiting: 1, routing: 'retired' as const }, 1],
  ])('%s', (_name, change, count) => {
    expect(planScale({ ...calm, ...change }).start).toBe(count);
  });

  test('looks again when its time has come', () => {
    const plan = planScale({ ...calm, waiting: 1, notBeforeMs: 123_456 });
    expect(plan).toEqual({ start: 0, stop: 0, lookAgainMs: 123_456 });
  });
});

describe('how many stop', () => {
  test.each([
    ['none that work', { ready: 3 }, 0, Infinity],
    ['none that were idle for less', { ready: 1, idleSinceMs: [40_001] }, 0, 100_001],
    ['all that were idle for so long', { ready: 2, idleSinceMs: [40_000, 1] }, 2, Infinity],
    ['none of the minimum', { ready: 2, minInstances: 2, idleSinceMs: [1, 2] }, 0, Infinity],
    ['those beyond it', { ready: 3, minInstances: 2, idleSinceMs: [1, 2, 3] }, 1, Infinity],
    [
      'what is not routed any more, at once',
      { ready: 2, minInstances: 2, routing: 'retired' as const, idleSinceMs: [99_999] },
      1,
      Infinity,
    ],
    [
      'what was not routed yet, in its time',
      { ready: 1, routing: 'fresh' as const, idleSinceMs: [99_999] },
      0,
      159_999,
    ],
    [
      'nothing while the key is not good',
      { ready: 1, idleSinceMs: [1], isKeyGood: false },
      0,
      Infinity,
    ],
  ])('%s', (_name, change, count, lookAgainMs) => {
    expect(planScale({ ...calm, ...change })).toMatchObject({ stop: count, lookAgainMs });
  });
});

test('a plan keeps the bounds whatever it is made from', () => {
  fc.assert(
    fc.property(views, (view) => {
      const { start, stop, lookAgainMs } = planScale(view);
      const after = view.ready + view.starting + start;
      if (start > 0) expect(after).toBeLessThanOrEqual(view.maxInstances);
      if (start > 0) expect(view.isKeyGood && view.notBeforeMs <= view.nowMs).toBe(true);
      expect(stop).toBeLessThanOrEqual(view.idleSinceMs.length);
      if (view.routing === 'routed' && stop > 0) {
        expect(view.ready - stop).toBeGreaterThanOrEqual(view.minInstances);
      }
      expect(lookAgainMs).toBeGreaterThan(view.nowMs);
      const isEnough = (after - view.ready) * view.concurrency >= view.waiting;
      const mayStart = view.isKeyGood && view.notBeforeMs <= view.nowMs;
      if (mayStart) expect(isEnough || after >= view.maxInstances).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
