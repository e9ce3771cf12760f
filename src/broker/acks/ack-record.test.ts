import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { AckReplay, decodeDelta, decodeSnapshotPart } from './ack-record.ts';
import { encodeDelta, encodeSnapshotPart } from './ack-record.ts';

const ascending = fc
  .uniqueArray(fc.nat(500), { maxLength: 60 })
  .map((all) => all.toSorted((a, b) => a - b));

test('a delta comes back as its floor and its ranges', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), ascending, (floor, above) => {
      const acked = above.map((each) => floor + each);
      const decoded = decodeDelta(encodeDelta({ floor, acked }));
      expect(decoded.floor).toBe(floor);
      const sequences = decoded.ranges.flatMap(([first, end]) =>
        Array.from({ length: end - first }, (_, i) => first + i),
      );
      expect(sequences).toEqual(acked);
    }),
  );
});

test('a run of a million acknowledgements takes five bytes', () => {
  const acked = Array.from({ length: 1_000_000 }, (_, i) => 5 + i);
  expect(encodeDelta({ floor: 4, acked })).toHaveLength(5);
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

describe('a record that cannot be read', () => {
  test.each([
    ['an empty delta', () => decodeDelta(new Uint8Array(0))],
    ['a delta with half a range', () => decodeDelta(Uint8Array.of(1, 2))],
    ['a cut-off number', () => decodeDelta(Uint8Array.of(0x80))],
    ['a short snapshot', () => decodeSnapshotPart(Uint8Array.of(0, 1, 2))],
  ])('%s is DATA_LOSS', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ code: 'DATA_LOSS' }));
  });
});

describe('replay', () => {
  const holesOf = (replay: AckReplay): number[] => [...replay.holes()];

  test('a snapshot that was cut off changes nothing', () => {
    const replay = new AckReplay(0);
    replay.delta(encodeDelta({ floor: 2, acked: [4] }));
    replay.snapshotPart(encodeSnapshotPart({ part: 0, parts: 2, frontier: 9, holes: [7] }));
    expect([replay.frontier, holesOf(replay)]).toEqual([5, [2, 3]]);
    replay.snapshotPart(encodeSnapshotPart({ part: 0, parts: 2, frontier: 10, holes: [6] }));
    replay.snapshotPart(encodeSnapshotPart({ part: 1, parts: 2, frontier: 10, holes: [8] }));
    expect([replay.frontier, holesOf(replay)]).toEqual([10, [6, 8]]);
  });

  test('a delta that was written twice counts once', () => {
    const replay = new AckReplay(0);
    const delta = encodeDelta({ floor: 1, acked: [3, 5] });
    replay.delta(delta);
    replay.delta(delta);
    expect([replay.frontier, holesOf(replay)]).toEqual([6, [1, 2, 4]]);
  });

  test('adds up to what was acknowledged, in any order, with snapshots anywhere', () => {
    const step = fc.record({
      /** Which of those handed out and unacknowledged, as a fraction. */
      picks: fc.array(fc.nat(1_000), { maxLength: 8 }),
      handedOut: fc.nat(12),
      isSnapshot: fc.boolean(),
      parts: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.nat(20), fc.array(step, { maxLength: 30 }), (start, steps) => {
        const replay = new AckReplay(start);
        let frontier = start;
        const open: number[] = [];
        for (const { picks, handedOut, isSnapshot, parts } of steps) {
          for (let i = 0; i < handedOut; i++) open.push(frontier++);
          const acked: number[] = [];
          for (const pick of picks) {
            if (open.length > 0) acked.push(...open.splice(pick % open.length, 1));
          }
          const floor = open[0] ?? frontier;
          const above = acked.filter((each) => each >= floor).toSorted((a, b) => a - b);
          replay.delta(encodeDelta({ floor, acked: above }));
          if (isSnapshot) {
            const size = Math.max(1, Math.ceil(open.length / parts));
            for (let part = 0; part < parts; part++) {
              const holes = open.slice(part * size, (part + 1) * size);
              replay.snapshotPart(encodeSnapshotPart({ part, parts, frontier, holes }));
            }
          }
          // What was handed out last and not acknowledged need not be known: it is open either way.
          expect(replay.frontier).toBeLessThanOrEqual(frontier);
          const known = [...replay.holes()];
          for (let i = replay.frontier; i < frontier; i++) known.push(i);
          expect(known).toEqual(open);
        }
      }),
      { numRuns: 200 },
    );
  });
});
