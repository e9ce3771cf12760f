import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeLeases, encodeLeases, type LeaseRecord } from './lease-record.ts';

const records = fc.uniqueArray(
  fc.record({
    sequence: fc.integer({ min: 0, max: 2 ** 48 }),
    attempt: fc.nat(0xffff),
    failures: fc.nat(200),
    deadlineWallMs: fc.integer({ min: 0, max: 2 ** 42 }),
    ackEpoch: fc.integer({ min: 1, max: 3 }),
    generation: fc.nat(2),
  }),
  { selector: ({ sequence }) => sequence, maxLength: 40 },
);
const bySequence = (a: LeaseRecord, b: LeaseRecord): number => a.sequence - b.sequence;

test('leases come back as they were, of whatever epoch and generation', () => {
  fc.assert(
    fc.property(records, (leases) => {
      const decoded = encodeLeases(leases).flatMap(decodeLeases);
      expect(decoded.toSorted(bySequence)).toEqual(leases.toSorted(bySequence));
    }),
  );
});

test('a hundred thousand leases take seven bytes each, in records of a bounded size', () => {
  const leases = Array.from({ length: 100_000 }, (_, i) => ({
    sequence: 5_000_000 + i,
    attempt: 1,
    failures: 0,
    deadlineWallMs: 1_700_000_060_000 + i,
    ackEpoch: 9,
    generation: 0,
  }));
  const encoded = encodeLeases(leases);
  expect(encoded).toHaveLength(2);
  expect(encoded.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(700_000);
  expect(encoded.flatMap(decodeLeases)).toEqual(leases);
});

test.each([
  ['nothing', []],
  ['no deadline', [1, 2]],
  ['half a lease', [1, 2, 3, 4, 5]],
  ['a number that is cut off', [1, 2, 0x80]],
])('a record of %s is DATA_LOSS', (_, bytes) => {
  expect(() => decodeLeases(Uint8Array.from(bytes))).toThrow(
    expect.objectContaining({ code: 'DATA_LOSS' }),
  );
});
