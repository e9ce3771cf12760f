import fc from 'fast-check';
import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { PushMemory, type PushShare } from './push-memory.ts';

const mebibyte = 1024 * 1024;
const nobody = (): void => undefined;
const settled = (): Promise<void> => new VirtualClock().settle();

/** Takes so much at a time until no more fits; what it then holds. */
function fill(share: PushShare, step: number): number {
  while (share.fits(step)) share.take(step);
  return share.heldBytes;
}

test('one subscription alone gets a quarter of what it leaves to others', () => {
  const memory = new PushMemory();
  expect(fill(memory.share(nobody), 1_000)).toBeGreaterThan(12.7 * mebibyte);
  expect(memory.usedBytes).toBeLessThanOrEqual(12.8 * mebibyte);
});

test('many get 64 MiB together, and none takes the last of it from the next', () => {
  const memory = new PushMemory();
  const held = Array.from({ length: 20 }, () => fill(memory.share(nobody), 10_000));
  expect(memory.usedBytes).toBeLessThanOrEqual(64 * mebibyte);
  expect(Math.min(...held)).toBeGreaterThan(0);
  expect(fill(memory.share(nobody), 10_000)).toBeGreaterThan(0);
});

test('the largest message fits where there is nothing else', () => {
  const memory = new PushMemory();
  expect(memory.share(nobody).fits(16 * mebibyte)).toBe(true);
  expect(memory.share(nobody).fits(16 * mebibyte + 1)).toBe(false);
});

test('who was refused is woken by the next that is freed, once, unless it went away', () => {
  const memory = new PushMemory(100, 100);
  const wakes: string[] = [];
  const first = memory.share(nobody);
  const second = memory.share(() => wakes.push('second'));
  const gone = memory.share(() => wakes.push('gone'));
  first.take(90);
  expect(second.fits(20)).toBe(false);
  expect(gone.fits(20)).toBe(false);
  gone.close();
  expect(wakes).toEqual([]);
  first.free(40);
  expect(wakes).toEqual(['second']);
  first.free(50);
  expect(wakes).toEqual(['second']);
  expect(second.fits(20)).toBe(true);
});

/** Ten that want 10 each where nothing is free. */
function crowd(memory: PushMemory, onWake: (share: PushShare, n: number) => void): void {
  for (let n = 0; n < 10; n++) {
    const share: PushShare = memory.share(() => onWake(share, n));
    expect(share.fits(10)).toBe(false);
  }
}

test('what is freed wakes those that waited longest, and no more than it can serve', async () => {
  const memory = new PushMemory(100, 100);
  const holder = memory.share(nobody);
  holder.take(100);
  const served: number[] = [];
  crowd(memory, (share, n) => {
    served.push(n);
    if (share.fits(10)) share.take(10);
  });
  holder.free(25);
  await settled();
  expect(served).toEqual([0, 1]);
  holder.free(75);
  await settled();
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('where those that are woken take nothing, the others have their turn', async () => {
  const memory = new PushMemory(100, 100);
  const holder = memory.share(nobody);
  holder.take(100);
  const woken: number[] = [];
  crowd(memory, (share, n) => {
    woken.push(n);
    if (n === 9 && share.fits(10)) share.take(10);
  });
  holder.free(10);
  await settled();
  expect(woken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(memory.usedBytes).toBe(100);
});

test('who is woken too late waits for the next', async () => {
  const memory = new PushMemory(100, 100);
  const holder = memory.share(nobody);
  holder.take(100);
  let wakeCount = 0;
  const late = memory.share(() => wakeCount++);
  expect(late.fits(10)).toBe(false);
  holder.free(10);
  holder.take(10);
  expect(late.mayAsk()).toBe(false);
  await settled();
  holder.free(10);
  expect(wakeCount).toBe(2);
  expect(late.mayAsk()).toBe(true);
});

test('who was refused may not ask again until as much would fit', () => {
  const memory = new PushMemory(100, 100);
  const holder = memory.share(nobody);
  const share = memory.share(nobody);
  holder.take(95);
  expect(share.mayAsk()).toBe(true);
  expect(share.fits(10)).toBe(false);
  expect(share.mayAsk()).toBe(false);
  holder.free(5);
  expect(share.mayAsk()).toBe(true);
  holder.take(5);
  share.close();
  expect(share.mayAsk()).toBe(true);
});

test('whoever asks before taking never exceeds either bound', () => {
  const step = fc.record({ who: fc.nat(4), bytes: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const memory = new PushMemory(200, 80);
      const shares = Array.from({ length: 5 }, () => memory.share(nobody));
      for (const { who, bytes } of steps) {
        const share = shares[who]!;
        if (share.fits(bytes)) share.take(bytes);
        else share.free(share.heldBytes);
        expect(share.heldBytes).toBeLessThanOrEqual(80);
        expect(memory.usedBytes).toBeLessThanOrEqual(200);
      }
    }),
  );
});
