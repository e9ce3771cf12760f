import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { DeadlineWheel, Timed } from './deadline-wheel.ts';

class Entry extends Timed {
  readonly expiredAtMs: number[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    super();
    this.#clock = clock;
  }

  override expire(): void {
    this.expiredAtMs.push(this.#clock.monotonicMs());
  }
}

function open(): { clock: VirtualClock; wheel: DeadlineWheel; entry: Entry } {
  const clock = new VirtualClock();
  return { clock, wheel: new DeadlineWheel(clock), entry: new Entry(clock) };
}

test.each([
  ['on a slot', 10_000, 10_000],
  ['just after a slot', 10_000.5, 10_100],
  ['just before a slot', 10_099, 10_100],
  ['at once', 0, 0],
])('a deadline %s expires once, never early, within 100 ms', async (_, deadlineMs, expected) => {
  const { clock, wheel, entry } = open();
  wheel.set(entry, deadlineMs);
  await clock.advance(60_000);
  expect(entry.expiredAtMs).toEqual([expected]);
  expect(clock.pendingCount).toBe(0);
});

test.each([
  ['later', 10_000, 20_000],
  ['earlier', 20_000, 10_000],
  ['within its slot', 10_010, 10_090],
  ['back within its slot', 10_090, 10_010],
])('a deadline that was moved %s expires at the new time only', async (_, first, second) => {
  const { clock, wheel, entry } = open();
  wheel.set(entry, first);
  wheel.set(entry, second);
  await clock.advance(60_000);
  expect(entry.expiredAtMs).toEqual([Math.ceil(second / 100) * 100]);
});

test('a deadline that was removed never expires, alone in its slot or between others', async () => {
  const { clock, wheel } = open();
  const entries = Array.from({ length: 5 }, () => new Entry(clock));
  for (const entry of entries) wheel.set(entry, 1_000);
  for (const index of [4, 0, 2]) wheel.remove(entries[index]!);
  wheel.remove(entries[2]!);
  await clock.advance(2_000);
  expect(entries.map(({ expiredAtMs }) => expiredAtMs.length)).toEqual([0, 1, 0, 1, 0]);
  for (const { slot, previous, next } of entries)
    expect([slot, previous, next]).toEqual([-1, null, null]);
});

test('an entry may be set again while it expires', async () => {
  const { clock, wheel } = open();
  let count = 0;
  const again = new (class extends Timed {
    override expire(): void {
      if (++count < 3) wheel.set(this, clock.monotonicMs());
    }
  })();
  wheel.set(again, 100);
  await clock.advance(1_000);
  expect(count).toBe(3);
});

test('a closed wheel expires nothing and leaves no timer', async () => {
  const { clock, wheel, entry } = open();
  wheel.set(entry, 1_000);
  wheel.close();
  expect(clock.pendingCount).toBe(0);
  await clock.advance(2_000);
  expect(entry.expiredAtMs).toEqual([]);
});

test('one timer serves many deadlines', () => {
  const { clock, wheel } = open();
  for (let i = 0; i < 1_000; i++) wheel.set(new Entry(clock), 10_000 + i * 7);
  expect(clock.pendingCount).toBe(1);
});

test('behaves as a plain list of deadlines, but for the 100 ms', async () => {
  const index = fc.nat(9);
  const command = fc.oneof(
    fc.record({
      do: fc.constant('set' as const),
      index,
      inMs: fc.integer({ min: -50, max: 3_000 }),
    }),
    fc.record({ do: fc.constant('remove' as const), index, inMs: fc.constant(0) }),
    fc.record({ do: fc.constant('advance' as const), index, inMs: fc.nat(900) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
      const { clock, wheel } = open();
      const entries = Array.from({ length: 10 }, () => new Entry(clock));
      /** Deadlines that must still come, by index. */
      const due = new Map<number, number>();
      const settle = (): void => {
        for (const [i, entry] of entries.entries()) {
          for (const atMs of entry.expiredAtMs.splice(0)) {
            const deadlineMs = due.get(i);
            expect(deadlineMs).toBeDefined();
            expect(atMs).toBeGreaterThanOrEqual(deadlineMs!);
            due.delete(i);
          }
          const left = due.get(i);
          if (left !== undefined) expect(left).toBeGreaterThan(clock.monotonicMs() - 100);
        }
      };
      for (const { do: what, index: i, inMs } of commands) {
        if (what === 'advance') await clock.advance(inMs);
        else if (what === 'remove') {
          wheel.remove(entries[i]!);
          due.delete(i);
        } else {
          wheel.set(entries[i]!, clock.monotonicMs() + inMs);
          due.set(i, clock.monotonicMs() + inMs);
        }
        settle();
      }
      await clock.advance(10_000);
      settle();
      expect(due.size).toBe(0);
      expect(clock.pendingCount).toBe(0);
    }),
    { numRuns: 100 },
  );
});
