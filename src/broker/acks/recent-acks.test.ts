import { expect, test } from 'vitest';

import { RecentAcks, RecentAcksBudget } from './recent-acks.ts';

function filled(budget: RecentAcksBudget, count: number): RecentAcks {
  const acks = new RecentAcks(budget);
  for (let sequence = 0; sequence < count; sequence++) acks.add(sequence, sequence + 7);
  return acks;
}

test('the last ten thousand are remembered, and at most twice as many', () => {
  const acks = filled(new RecentAcksBudget(), 50_000);
  expect(acks.deliveryOf(49_999)).toBe(50_006);
  expect(acks.deliveryOf(40_000)).toBe(40_007);
  expect(acks.deliveryOf(29_999)).toBeUndefined();
  expect(acks.size).toBeLessThanOrEqual(20_000);
});

test('many subscriptions together stay within the budget; the longest silent gives way', () => {
  const budget = new RecentAcksBudget(1_000);
  const silent = filled(budget, 400);
  const busy = filled(budget, 400);
  expect([silent.size, busy.size]).toEqual([400, 400]);
  const third = filled(budget, 400);
  expect([silent.size, busy.size, third.size]).toEqual([0, 400, 400]);
  busy.add(1_000, 1);
  const fourth = filled(budget, 400);
  expect([busy.size, third.size, fourth.size]).toEqual([401, 0, 400]);
});

test('one that is alone forgets all of its own where the budget is too small for it', () => {
  const acks = filled(new RecentAcksBudget(100), 101);
  expect(acks.size).toBeLessThanOrEqual(100);
  acks.add(5, 5);
  expect(acks.deliveryOf(5)).toBe(5);
});

test('what is cleared is free for others', () => {
  const budget = new RecentAcksBudget(1_000);
  const first = filled(budget, 900);
  first.clear();
  const second = filled(budget, 900);
  expect([first.size, second.size]).toEqual([0, 900]);
});

test('an entry that is written again is counted once', () => {
  const budget = new RecentAcksBudget(10);
  const acks = new RecentAcks(budget);
  for (let n = 0; n < 100; n++) acks.add(1, n);
  expect(filled(budget, 9).size).toBe(9);
  expect(acks.deliveryOf(1)).toBe(99);
});
