import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { segmentKinds } from '../../storage/index.ts';
import { encodeDelta, encodeGeneration, encodeSnapshotPart } from './ack-record.ts';
import type { AckDelta, AckSnapshotPart } from './ack-record.ts';
import { AckedRanges, rangesAbove } from './acked-ranges.ts';
import { AckReplay } from './ack-replay.ts';
import { encodeLeases, type LeaseRecord } from './lease-record.ts';

const { ackDelta, ackGeneration, ackLeases, ackSnapshot, takeover } = segmentKinds;

const holesOf = (replay: AckReplay): number[] => [...replay.holes()];
const delta = (replay: AckReplay, floor: number, ...ranges: AckDelta['ranges']): void =>
  replay.apply(ackDelta, encodeDelta({ floor, ranges }));
const part = (replay: AckReplay, given: AckSnapshotPart): void =>
  replay.apply(ackSnapshot, encodeSnapshotPart(given));
const generation = (replay: AckReplay, count: number): void =>
  replay.apply(ackGeneration, encodeGeneration(count));
const lease = (sequence: number, more: Partial<LeaseRecord> = {}): LeaseRecord => ({
  sequence,
  attempt: 1,
  failures: 0,
  deadlineWallMs: 1_000,
  ackEpoch: 3,
  generation: 0,
  ...more,
});
const leases = (replay: AckReplay, ...all: LeaseRecord[]): void => {
  for (const record of encodeLeases(all)) replay.apply(ackLeases, record);
};

test('a snapshot that was cut off changes nothing', () => {
  const replay = new AckReplay(0);
  delta(replay, 2, [4, 5]);
  part(replay, { part: 0, parts: 2, frontier: 9, holes: [7] });
  expect([replay.frontier, holesOf(replay)]).toEqual([5, [2, 3]]);
  part(replay, { part: 0, parts: 2, frontier: 10, holes: [6] });
  part(replay, { part: 1, parts: 2, frontier: 10, holes: [8] });
  expect([replay.frontier, holesOf(replay)]).toEqual([10, [6, 8]]);
});

test('a delta that was written twice counts once', () => {
  const replay = new AckReplay(0);
  for (let i = 0; i < 2; i++) delta(replay, 1, [3, 4], [5, 6]);
  expect([replay.frontier, holesOf(replay)]).toEqual([6, [1, 2, 4]]);
});

test('ten million that were passed over between two acknowledgements leave no hole', () => {
  const replay = new AckReplay(0);
  delta(replay, 0, [1, 2], [3, 10_000_003], [10_000_004, 10_000_005]);
  expect(replay.frontier).toBe(10_000_005);
  expect(holesOf(replay)).toEqual([0, 2, 10_000_003]);
  delta(replay, 0, [2, 10_000_005]);
  expect(holesOf(replay)).toEqual([0]);
});

describe('a generation', () => {
  test('counts with the whole snapshot that follows it', () => {
    const replay = new AckReplay(0);
    delta(replay, 5);
    generation(replay, 1);
    part(replay, { part: 0, parts: 2, frontier: 9, holes: [1] });
    expect([replay.generation, replay.frontier]).toEqual([0, 5]);
    part(replay, { part: 1, parts: 2, frontier: 9, holes: [7] });
    expect([replay.generation, replay.frontier, holesOf(replay)]).toEqual([1, 9, [1, 7]]);
  });

  test('that was cut off before its snapshot is none of a later one', () => {
    const replay = new AckReplay(0);
    generation(replay, 1);
    replay.apply(takeover, new Uint8Array(0));
    part(replay, { part: 0, parts: 1, frontier: 9, holes: [] });
    expect(replay.generation).toBe(0);
  });
});

describe('leases', () => {
  test('are those whose deadline is ahead and whose message is not acknowledged', () => {
    const replay = new AckReplay(10);
    leases(replay, lease(14), lease(11, { attempt: 2 }), lease(12, { deadlineWallMs: 499 }));
    delta(replay, 10, [14, 15]);
    leases(replay, lease(12, { deadlineWallMs: 500 }), lease(11, { attempt: 3, failures: 1 }));
    expect(replay.leases(499)).toEqual([
      lease(11, { attempt: 3, failures: 1 }),
      lease(12, { deadlineWallMs: 500 }),
    ]);
    expect(replay.leases(500).map(({ sequence }) => sequence)).toEqual([11]);
    expect([replay.frontier, holesOf(replay)]).toEqual([15, [10, 11, 12, 13]]);
  });

  test('end with a nack, a snapshot without them, and a new generation', () => {
    const replay = new AckReplay(0);
    leases(replay, lease(0), lease(1), lease(2, { ackEpoch: 4 }));
    leases(replay, lease(1, { deadlineWallMs: 0 }));
    expect(replay.leases(0)).toEqual([lease(0), lease(2, { ackEpoch: 4 })]);
    part(replay, { part: 0, parts: 1, frontier: 3, holes: [0, 1, 2] });
    expect(replay.leases(0)).toEqual([]);
    leases(replay, lease(2));
    expect(replay.leases(0)).toEqual([lease(2)]);
    generation(replay, 1);
    part(replay, { part: 0, parts: 1, frontier: 3, holes: [0, 1, 2] });
    leases(replay, lease(2), lease(7));
    expect([replay.leases(0), replay.frontier]).toEqual([[], 3]);
  });
});

const step = fc.record({
  /** Which of those handed out and unacknowledged, as a fraction. */
  picks: fc.array(fc.nat(1_000), { maxLength: 8 }),
  handedOut: fc.nat(12),
  passedOver: fc.nat(5),
  isSnapshot: fc.boolean(),
  parts: fc.integer({ min: 1, max: 3 }),
});

test('adds up to what was acknowledged, in any order, with snapshots anywhere', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.array(step, { maxLength: 30 }), (start, steps) => {
      const replay = new AckReplay(start);
      let frontier = start;
      const open: number[] = [];
      for (const { picks, handedOut, passedOver, isSnapshot, parts } of steps) {
        const acked = new AckedRanges();
        acked.add(frontier, frontier + passedOver);
        frontier += passedOver;
        for (let i = 0; i < handedOut; i++) open.push(frontier++);
        for (const pick of picks) {
          const [sequence] = open.splice(pick % Math.max(1, open.length), 1);
          if (sequence !== undefined) acked.add(sequence, sequence + 1);
        }
        const floor = open[0] ?? frontier;
        delta(replay, floor, ...rangesAbove(floor, acked.take()));
        const size = Math.max(1, Math.ceil(open.length / parts));
        for (let each = 0; isSnapshot && each < parts; each++) {
          const holes = open.slice(each * size, (each + 1) * size);
          part(replay, { part: each, parts, frontier, holes });
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
