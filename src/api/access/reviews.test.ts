import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Reviews } from './reviews.ts';

test('what is open is asked about as time passes, and nothing is timed once nothing is open', async () => {
  const clock = new VirtualClock();
  const reviews = new Reviews(clock);
  let count = 0;
  const stop = reviews.add(() => count++);
  await clock.advance(4_999);
  expect(count).toBe(0);
  await clock.advance(1);
  expect(count).toBe(1);
  await clock.advance(10_000);
  expect(count).toBe(3);
  stop();
  await clock.advance(5_000);
  expect([count, clock.pendingCount]).toEqual([3, 0]);
  reviews.add(() => count++);
  await clock.advance(5_000);
  expect(count).toBe(4);
  reviews.close();
  expect(clock.pendingCount).toBe(0);
});

test('changes of one turn are one round, and a change within a round begins another', async () => {
  const clock = new VirtualClock();
  const reviews = new Reviews(clock);
  const asked: string[] = [];
  reviews.add(() => {
    asked.push('first');
    if (asked.length === 1) reviews.begin();
  });
  reviews.add(() => asked.push('second'));
  reviews.begin();
  reviews.begin();
  await clock.settle();
  expect(asked).toEqual(['first', 'first', 'second']);
});
