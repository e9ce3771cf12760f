import { expect, test } from 'vitest';

import type { TransformOutcome } from '../../transforms/index.ts';
import { BatchPace } from './batch-pace.ts';

const waiting = (count: number, bytes: number): { bytes: Uint8Array }[] =>
  Array.from({ length: count }, () => ({ bytes: new Uint8Array(bytes) }));

const made = (count: number, bytes: number): TransformOutcome[] =>
  Array.from({ length: count }, () => ({
    kind: 'transformed',
    data: new Uint8Array(bytes),
    attributes: {},
  }));

test('batches grow to a hundred messages while little is made of them', () => {
  const pace = new BatchPace();
  const counts: number[] = [];
  for (let batch = 0; batch < 6; batch++) {
    const { length } = pace.next(waiting(1_000, 100));
    counts.push(length);
    pace.made(made(length, 100));
  }
  expect(counts).toEqual([10, 20, 40, 80, 100, 100]);
});

test('where much is made of each, a batch becomes four mebibytes at most, or is one message', () => {
  const pace = new BatchPace();
  pace.made(made(10, 1024 * 1024));
  expect(pace.next(waiting(1_000, 100))).toHaveLength(4);
  pace.made(made(4, 9_000_000));
  expect(pace.next(waiting(1_000, 100))).toHaveLength(1);
  pace.made(made(1, 100));
  expect(pace.next(waiting(1_000, 100))).toHaveLength(2);
});

test('a batch takes a mebibyte in at most, and a message that is larger goes alone', () => {
  const pace = new BatchPace();
  expect(pace.next(waiting(10, 300_000))).toHaveLength(3);
  expect(pace.next(waiting(10, 5_000_000))).toHaveLength(1);
  expect(pace.next(waiting(3, 10), 2)).toHaveLength(1);
  expect(pace.next([])).toEqual([]);
});
