import fc from 'fast-check';
import { expect, test } from 'vitest';

import { PushBackoff } from './push-backoff.ts';

/**
 * Google's example on a simulated clock: messages come at a rate, and go to the endpoint as soon as
 * no pause is on. Returns the mean pause over the last half of the time.
 */
function meanPauseMs(isNack: (n: number) => boolean, perSecond: number, seconds: number): number {
  const backoff = new PushBackoff();
  const pauses: number[] = [];
  const endMs = seconds * 1_000;
  let answers = 0;
  for (let nowMs = 0; nowMs < endMs;) {
    const dueMs = Math.max((answers * 1_000) / perSecond, backoff.untilMs);
    if (dueMs > nowMs) {
      nowMs = dueMs;
      continue;
    }
    backoff.answered(!isNack(answers), nowMs, 1);
    if (isNack(answers) && nowMs > endMs / 2) pauses.push(backoff.delayMs);
    answers++;
    nowMs += 1;
  }
  return pauses.reduce((sum, each) => sum + each, 0) / pauses.length;
}

test('five messages a second of which one is negative: about 500 ms', () => {
  const mean = meanPauseMs((n) => n % 5 === 0, 5, 600);
  expect(mean).toBeGreaterThan(300);
  expect(mean).toBeLessThan(900);
});

test('five messages a second that are all negative: 30 to 60 s', () => {
  const mean = meanPauseMs(() => true, 5, 3_600);
  expect(mean).toBeGreaterThanOrEqual(30_000);
  expect(mean).toBeLessThanOrEqual(60_000);
});

test('it grows from one negative answer to the next, from at least 100 ms', () => {
  const backoff = new PushBackoff();
  const delays: number[] = [];
  for (let n = 0; n < 30; n++) {
    backoff.answered(false, n, 1);
    delays.push(backoff.delayMs);
  }
  expect(delays[0]).toBeGreaterThanOrEqual(100);
  expect(delays[0]).toBeLessThan(500);
  expect(delays).toEqual(delays.toSorted((a, b) => a - b));
  expect(delays.at(-1)).toBe(60_000);
});

test('an endpoint that is back is pushed to at full speed after a few answers', () => {
  const backoff = new PushBackoff();
  for (let n = 0; n < 50; n++) backoff.answered(false, 0, 1);
  backoff.answered(true, 60_000, 1);
  expect(backoff.delayMs).toBeLessThan(5_000);
  let count = 1;
  while (backoff.delayMs > 0) {
    backoff.answered(true, 60_000, 1);
    count++;
  }
  expect(count).toBeLessThan(20);
});

test('a good answer shortens the pause that is on', () => {
  const backoff = new PushBackoff();
  for (let n = 0; n < 50; n++) backoff.answered(false, 1_000, 1);
  expect(backoff.untilMs).toBe(61_000);
  backoff.answered(true, 1_100, 1);
  expect(backoff.untilMs).toBeLessThan(6_000);
});

test('a few negative answers among many are no reason to wait', () => {
  const backoff = new PushBackoff();
  for (let n = 0; n < 10_000; n++) {
    backoff.answered(n % 100 !== 0, n, 1_000);
    expect(backoff.delayMs).toBe(0);
  }
});

test('whatever comes, a pause is none or from 100 ms to 60 s', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 10_000 }), (script, span) => {
      const backoff = new PushBackoff();
      for (const [n, isAck] of script.entries()) {
        backoff.answered(isAck, n, span);
        if (backoff.delayMs === 0) continue;
        expect(backoff.delayMs).toBeGreaterThanOrEqual(100);
        expect(backoff.delayMs).toBeLessThanOrEqual(60_000);
      }
    }),
  );
});
