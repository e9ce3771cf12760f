import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { SizeHistory } from './size-history.ts';

describe('messages that were published since', () => {
  test('are counted exactly up to the end', () => {
    const sizes = new SizeHistory(10);
    sizes.appended(4, 400);
    sizes.appended(1, 50);
    expect(sizes.bytesBetween(10, 15)).toBe(450);
    expect(sizes.bytesBetween(15, 15)).toBe(0);
  });

  test('are told apart where small ones follow large ones', () => {
    const sizes = new SizeHistory(0);
    for (let i = 0; i < 100; i++) sizes.appended(1, 100_000);
    for (let i = 0; i < 100; i++) sizes.appended(1_000, 100_000);
    expect(sizes.bytesBetween(100, 100_100)).toBe(10_000_000);
    expect(sizes.bytesBetween(0, 100)).toBe(10_000_000);
  });

  test('any number of them is near the truth, in bounded memory', () => {
    const segment = fc.record({ count: fc.integer({ min: 1, max: 1_000 }), mean: fc.nat(2_000) });
    const segments = fc.array(segment, { minLength: 1, maxLength: 600 });
    fc.assert(
      fc.property(segments, fc.double({ min: 0, max: 1, noNaN: true }), (all, where) => {
        const sizes = new SizeHistory(0);
        let [end, from, tail, total] = [0, 0, 0, 0];
        for (const [i, { count, mean }] of all.entries()) {
          if (i === Math.floor(where * (all.length - 1))) [from, tail] = [end, 0];
          sizes.appended(count, count * mean);
          end += count;
          tail += count * mean;
          total += count * mean;
        }
        // Two checkpoints stand further apart than this only by one segment.
        const slack = Math.max(64 * 1024, (4 * total) / 128) + 2_000_000;
        expect(Math.abs(sizes.bytesBetween(from, end) - tail)).toBeLessThanOrEqual(slack);
        expect(sizes.bytesBetween(0, end)).toBe(total);
      }),
      { numRuns: 200 },
    );
  });
});

describe('messages from before', () => {
  test('count as the mean of those that were read', () => {
    const sizes = new SizeHistory(1_000);
    sizes.read(0, 10, 700);
    sizes.read(500, 10, 300);
    // It was published since, and is known exactly.
    sizes.read(1_000, 1, 9_999);
    sizes.appended(1, 9_999);
    expect(sizes.bytesBetween(900, 1_000)).toBe(5_000);
    expect(sizes.bytesBetween(900, 1_001)).toBe(14_999);
  });

  test('count as those that came later as long as none was read, and as nothing before that', () => {
    const sizes = new SizeHistory(1_000);
    expect(sizes.bytesBetween(0, 1_000)).toBe(0);
    sizes.appended(2, 80);
    expect(sizes.bytesBetween(990, 1_000)).toBe(400);
  });
});
