import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { varintBytes, WireReader, writeVarint } from './varint.ts';

const edges = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];

test('every whole number up to 2^53 - 1 comes back, in as many bytes as were announced', () => {
  const value = fc.oneof(fc.maxSafeNat(), fc.constantFrom(...edges));
  fc.assert(
    fc.property(value, (given) => {
      const out = new Uint8Array(12);
      const end = writeVarint(out, 1, given);
      expect(end).toBe(1 + varintBytes(given));
      const reader = new WireReader(out, 1, end);
      expect(reader.varint()).toBe(given);
      expect([reader.ok, reader.at]).toEqual([true, end]);
    }),
    { examples: edges.map((each) => [each]) },
  );
});

test.each([
  ['nothing', []],
  ['a cut-off varint', [0x80]],
  ['eleven bytes', [...Array<number>(10).fill(0x80), 0x01]],
  ['2^53', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
  ['2^64 - 1', [...Array<number>(9).fill(0xff), 0x01]],
])('%s is not a number to act on', (_, bytes) => {
  const reader = new WireReader(Uint8Array.from(bytes));
  reader.varint();
  expect(reader.ok).toBe(false);
});

test('the end of the reader is the end, whatever bytes follow', () => {
  const reader = new WireReader(Uint8Array.of(0x80, 0x01, 5), 0, 1);
  reader.varint();
  expect(reader.ok).toBe(false);
  const length = new WireReader(Uint8Array.of(2, 9, 9), 0, 2);
  expect(length.length()).toBe(0);
  expect(length.ok).toBe(false);
});

test.each([
  [0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 10],
  [1, [1, 2, 3, 4, 5, 6, 7, 8], 8],
  [2, [3, 1, 2, 3], 4],
  [2, [0x81, 0x00, 7], 3],
  [5, [1, 2, 3, 4], 4],
])('a value of wire type %i is skipped to its end', (wireType, bytes, end) => {
  const reader = new WireReader(Uint8Array.from([...bytes, 0x55]));
  reader.skip(wireType);
  expect([reader.ok, reader.at]).toEqual([true, end]);
});

test.each([
  [1, [1, 2, 3]],
  [2, [4, 1]],
  [3, [0]],
  [4, [0]],
  [5, [1]],
  [6, [0]],
  [7, [0]],
])('wire type %i, cut off or unknown, is refused', (wireType, bytes) => {
  const reader = new WireReader(Uint8Array.from(bytes));
  reader.skip(wireType);
  expect(reader.ok).toBe(false);
});
