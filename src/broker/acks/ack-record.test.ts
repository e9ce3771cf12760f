import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decodeDelta, decodeGeneration, decodeSnapshotPart } from './ack-record.ts';
import { encodeDelta, encodeGeneration, encodeSnapshotPart } from './ack-record.ts';
import { AckedRanges, rangesAbove } from './acked-ranges.ts';

const ascending = fc
  .uniqueArray(fc.nat(500), { maxLength: 60 })
  .map((all) => all.toSorted((a, b) => a - b));

test('a delta comes back as its floor and its ranges', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), ascending, (floor, above) => {
      const acked = new AckedRanges();
      // In any order: the later half first.
      for (const each of [...above.slice(30), ...above.slice(0, 30)]) {
        acked.add(floor + each, floor + each + 1);
      }
      const ranges = rangesAbove(floor, acked.take());
      expect(acked.size).toBe(0);
      const decoded = decodeDelta(encodeDelta({ floor, ranges }));
      expect(decoded).toEqual({ floor, ranges });
      const sequences = decoded.ranges.flatMap(([first, end]) =>
        Array.from({ length: end - first }, (_, i) => first + i - floor),
      );
      expect(sequences).toEqual(above);
    }),
  );
});

test('ranges that overlap or touch are joined, and cut at the floor', () => {
  const acked = new AckedRanges();
  acked.add(30, 40);
  acked.add(5, 12);
  acked.add(12, 13);
  acked.add(35, 37);
  acked.add(13, 20);
  acked.add(40, 41);
  expect(rangesAbove(8, acked.take())).toEqual([
    [8, 20],
    [30, 41],
  ]);
});

test('a run of a million acknowledgements takes five bytes', () => {
  const acked = new AckedRanges();
  for (let i = 0; i < 1_000_000; i++) acked.add(5 + i, 6 + i);
  expect(acked.size).toBe(1);
  expect(encodeDelta({ floor: 4, ranges: acked.take() })).toHaveLength(5);
});

test('a snapshot part comes back as it was', () => {
  fc.assert(
    fc.property(
      fc.nat(9),
      fc.nat(9),
      fc.integer({ min: 501, max: 2 ** 50 }),
      ascending,
      (part, parts, frontier, holes) => {
        const given = { part, parts, frontier, holes };
        expect(decodeSnapshotPart(encodeSnapshotPart(given))).toEqual(given);
      },
    ),
  );
});

test.each([1, 127, 128, 2 ** 32])('the generation %i comes back', (generation) => {
  expect(decodeGeneration(encodeGeneration(generation))).toBe(generation);
});

describe('a record that cannot be read', () => {
  test.each([
    ['an empty delta', () => decodeDelta(new Uint8Array(0))],
    ['a delta with half a range', () => decodeDelta(Uint8Array.of(1, 2))],
    ['a cut-off number', () => decodeDelta(Uint8Array.of(0x80))],
    ['a generation of two numbers', () => decodeGeneration(Uint8Array.of(1, 1))],
    ['no generation', () => decodeGeneration(new Uint8Array(0))],
    ['a short snapshot', () => decodeSnapshotPart(Uint8Array.of(0, 1, 2))],
  ])('%s is DATA_LOSS', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ code: 'DATA_LOSS' }));
  });
});
