import fc from 'fast-check';
import { expect, test } from 'vitest';

import { PushWindow } from './push-window.ts';

/** One full round: as many requests as the window admits, all answered alike. */
function round(window: PushWindow, isAck: boolean, latencyMs: number): void {
  const sent = Array.from({ length: window.size }, (_, i) => window.sent(i + 1));
  for (const each of sent) window.answered(each, isAck, latencyMs);
}

const grown = (rounds: number): PushWindow => {
  const window = new PushWindow();
  for (let n = 0; n < rounds; n++) round(window, true, 10);
  return window;
};

test('it starts with one, doubles to 3,000 and then grows by 100, to 10,000', () => {
  const window = new PushWindow();
  const sizes: number[] = [];
  for (let n = 0; n < 90; n++) {
    sizes.push(window.size);
    round(window, true, 999);
  }
  expect(sizes.slice(0, 15)).toEqual([
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_000, 3_100, 3_200,
  ]);
  expect(sizes.at(-1)).toBe(10_000);
});

test('a window that was never full does not grow', () => {
  const window = grown(4);
  for (let n = 0; n < 1_000; n++) window.answered(window.sent(3), true, 1);
  expect(window.size).toBe(16);
});

test('99 % of acks are enough, less halves it at once', () => {
  const enough = grown(10);
  const fullRound = Array.from({ length: 1_024 }, (_, i) => enough.sent(i + 1));
  fullRound.forEach((each, i) => enough.answered(each, i >= 10, 1));
  expect(enough.size).toBe(2_048);
  const short = grown(10);
  for (let n = 0; n < 11; n++) short.answered(short.sent(n + 1), false, 1);
  expect(short.size).toBe(512);
});

test('answers to requests of before a change of the window are passed over', () => {
  const window = grown(6);
  const sent = Array.from({ length: 64 }, (_, i) => window.sent(i + 1));
  for (const each of sent) window.answered(each, false, 1);
  expect(window.size).toBe(32);
});

test('failures bring it down to one request, slowness to 16', () => {
  const failing = grown(10);
  const slow = grown(10);
  for (let n = 0; n < 20; n++) {
    round(failing, false, 1);
    round(slow, true, 1_000);
  }
  expect(failing.size).toBe(1);
  expect(slow.size).toBe(16);
  const small = grown(2);
  round(small, true, 1_000);
  expect(small.size).toBe(4);
});

test('whatever comes, it stays between 1 and 10,000', () => {
  const answers = fc.array(
    fc.record({ isAck: fc.boolean(), latencyMs: fc.nat(3_000), underWay: fc.nat(10_000) }),
    { maxLength: 2_000 },
  );
  fc.assert(
    fc.property(answers, fc.nat(20), (script, rounds) => {
      const window = grown(rounds);
      for (const { isAck, latencyMs, underWay } of script) {
        const before = window.size;
        window.answered(window.sent(underWay), isAck, latencyMs);
        expect(window.size).toBeGreaterThanOrEqual(1);
        expect(window.size).toBeLessThanOrEqual(10_000);
        if (!isAck) expect(window.size).toBeLessThanOrEqual(before);
      }
    }),
    { numRuns: 50 },
  );
});
