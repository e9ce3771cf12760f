import fc from 'fast-check';
import { expect, test } from 'vitest';

import { retryDelayMs } from './retry-delay.ts';

const policy = { minimumBackoffMs: 10_000, maximumBackoffMs: 600_000 };

test('the delay doubles with each failure, from the minimum to the maximum', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failures) => retryDelayMs(policy, failures));
  const seconds = [10, 20, 40, 80, 160, 320, 600, 600, 600];
  expect(delays).toEqual(seconds.map((each) => each * 1000));
});

test('a minimum of 0 s never waits, whatever the maximum', () => {
  for (const failures of [1, 2, 100, 5_000, Number.MAX_SAFE_INTEGER]) {
    expect(retryDelayMs({ minimumBackoffMs: 0, maximumBackoffMs: 600_000 }, failures)).toBe(0);
  }
});

test('equal minimum and maximum are a fixed delay', () => {
  const fixed = { minimumBackoffMs: 3_000, maximumBackoffMs: 3_000 };
  expect([1, 2, 50].map((failures) => retryDelayMs(fixed, failures))).toEqual([3000, 3000, 3000]);
});

test('a message that failed beyond all counting waits the maximum', () => {
  for (const failures of [1_024, 1_100, 1e9, Number.MAX_SAFE_INTEGER]) {
    expect(retryDelayMs(policy, failures)).toBe(600_000);
  }
});

test('the delay is always within the policy and never shrinks with failures', () => {
  const backoffs = fc.tuple(fc.nat(600_000), fc.nat(600_000)).map(([one, other]) => ({
    minimumBackoffMs: Math.min(one, other),
    maximumBackoffMs: Math.max(one, other),
  }));
  fc.assert(
    fc.property(backoffs, fc.integer({ min: 1, max: 2_000 }), (each, failures) => {
      const delay = retryDelayMs(each, failures);
      expect(delay).toBeGreaterThanOrEqual(each.minimumBackoffMs);
      expect(delay).toBeLessThanOrEqual(each.maximumBackoffMs);
      expect(retryDelayMs(each, failures + 1)).toBeGreaterThanOrEqual(delay);
    }),
  );
});
