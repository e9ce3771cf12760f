import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { SegmentShelf, ShelfBudget, type Run } from './segment-shelf.ts';

test('finds the run that holds a sequence, and nothing in the gaps', () => {
  const runs = fc.uniqueArray(fc.nat(30), { maxLength: 12 });
  fc.assert(
    fc.property(runs, fc.array(fc.nat(30), { maxLength: 6 }), (given, removed) => {
      const shelf = new SegmentShelf<Run>();
      const list = new Map<number, Run>();
      for (const n of given) {
        const run = { base: n * 10, count: (n % 9) + 1 };
        shelf.put(run);
        list.set(run.base, run);
      }
      for (const n of removed) {
        expect(shelf.remove(n * 10)).toBe(list.get(n * 10));
        list.delete(n * 10);
      }
      for (let sequence = 0; sequence < 320; sequence++) {
        const { base, count } = list.get(Math.floor(sequence / 10) * 10) ?? { base: 0, count: 0 };
        const isHeld = sequence >= base && sequence < base + count;
        expect(shelf.find(sequence)?.base).toBe(isHeld ? base : undefined);
      }
      expect(shelf.size).toBe(list.size);
    }),
  );
});

test('a run with the same base takes the place of the old one', () => {
  const shelf = new SegmentShelf<Run & { name: string }>();
  shelf.put({ base: 5, count: 2, name: 'old' });
  shelf.put({ base: 5, count: 3, name: 'new' });
  expect([shelf.size, shelf.find(7)?.name]).toEqual([1, 'new']);
});

test('a budget drops the oldest of all shelves, and keeps the newest even if it is too large', () => {
  const budget = new ShelfBudget<Run>(1_000);
  const shelves = [new SegmentShelf<Run>(), new SegmentShelf<Run>()] as const;
  for (let i = 0; i < 20; i++) {
    budget.put(shelves[i % 2 === 0 ? 0 : 1], { base: i * 10, count: 10 }, 100);
    expect(budget.bytes).toBeLessThanOrEqual(1_000);
  }
  // 100 bytes and 256 for holding them: two fit into 1,000.
  expect([shelves[0].size, shelves[1].size]).toEqual([1, 1]);
  expect([shelves[0].find(180)?.base, shelves[1].find(190)?.base]).toEqual([180, 190]);
  budget.put(shelves[0], { base: 500, count: 1 }, 5_000);
  expect([shelves[0].size, shelves[1].size]).toEqual([1, 0]);
  expect(shelves[0].find(500)?.base).toBe(500);
});

test('what was replaced is not counted, and does not take its successor away', () => {
  const budget = new ShelfBudget<Run>(1_000);
  const shelf = new SegmentShelf<Run>();
  const before = { base: 1, count: 1 };
  budget.put(shelf, before, 100);
  const again = { base: 1, count: 1 };
  budget.put(shelf, again, 100);
  expect(budget.bytes).toBe(356);
  budget.remove(before);
  budget.put(shelf, { base: 2, count: 1 }, 100);
  expect(shelf.find(1)).toBe(again);
  expect(budget.bytes).toBeLessThanOrEqual(1_000);
});
