import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { SequenceHeap } from './sequence-heap.ts';

test('gives the lowest first, as a sorted list does, with pushes and pops in any order', () => {
  const command = fc.oneof(fc.nat(50), fc.constant('pop' as const));
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const heap = new SequenceHeap();
      const list: number[] = [];
      for (const each of commands) {
        if (each === 'pop') expect(heap.pop()).toBe(list.shift());
        else {
          heap.push(each);
          list.push(each);
          list.sort((a, b) => a - b);
        }
        expect(heap.peek()).toBe(list[0]);
        expect(heap.size).toBe(list.length);
      }
      heap.clear();
      expect([heap.size, heap.peek(), heap.pop()]).toEqual([0, undefined, undefined]);
    }),
  );
});

test('grows with the number of different sequences, not with how often they come', () => {
  const heap = new SequenceHeap();
  for (let i = 0; i < 100_000; i++) heap.push(i % 2_000);
  expect(heap.size).toBeLessThanOrEqual(4_000);
  const popped = new Set<number>();
  for (let last = -1; heap.size > 0;) {
    const sequence = heap.pop()!;
    expect(sequence).toBeGreaterThanOrEqual(last);
    last = sequence;
    popped.add(sequence);
  }
  expect(popped.size).toBe(2_000);
});
