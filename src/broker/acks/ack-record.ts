import { decodeVarints, encodeVarints, malformedRecord } from './varint-record.ts';

/**
 * Records of an ack-state log, before they are sealed.
 *
 * - delta: `floor, (gap, length)*`: everything below the floor is acknowledged, and so are the
 *   ranges; each gap counts from the end of the one before, the first from the floor.
 * - snapshot part: `part, parts, frontier, floor, hole gaps*`: the whole state, in `parts` records.
 * - generation: one number, right before the snapshot that it belongs to; 0 is never written.
 */
export interface AckDelta {
  readonly floor: number;
  /** [first, end) of what was acknowledged, at or above the floor, ascending, apart. */
  readonly ranges: readonly AckRange[];
}

/** Sequences from `first` up to and without `end`. */
export type AckRange = readonly [first: number, end: number];

export interface AckSnapshotPart {
  readonly part: number;
  readonly parts: number;
  readonly frontier: number;
  /** Unacknowledged sequences below the frontier, ascending. */
  readonly holes: readonly number[];
}

export function encodeDelta({ floor, ranges }: AckDelta): Uint8Array {
  const values = [floor];
  let last = floor;
  for (const [first, end] of ranges) {
    values.push(first - last, end - first);
    last = end;
  }
  return encodeVarints(values);
}

export function decodeDelta(bytes: Uint8Array): AckDelta {
  const values = decodeVarints(bytes);
  const floor = values[0];
  if (floor === undefined || values.length % 2 !== 1) throw malformedRecord();
  const ranges: AckRange[] = [];
  let end = floor;
  for (let i = 1; i < values.length; i += 2) {
    const first = end + values[i]!;
    end = first + values[i + 1]!;
    ranges.push([first, end]);
  }
  return { floor, ranges };
}

export function encodeSnapshotPart(snapshot: AckSnapshotPart): Uint8Array {
  const floor = snapshot.holes[0] ?? snapshot.frontier;
  const values = [snapshot.part, snapshot.parts, snapshot.frontier, floor];
  let last = floor;
  for (const hole of snapshot.holes) {
    values.push(hole - last);
    last = hole;
  }
  return encodeVarints(values);
}

export function decodeSnapshotPart(bytes: Uint8Array): AckSnapshotPart {
  const [part, parts, frontier, floor, ...gaps] = decodeVarints(bytes);
  if (part === undefined || parts === undefined) throw malformedRecord();
  if (frontier === undefined || floor === undefined) throw malformedRecord();
  let last = floor;
  return { part, parts, frontier, holes: gaps.map((gap) => (last += gap)) };
}

export function encodeGeneration(generation: number): Uint8Array {
  return encodeVarints([generation]);
}

export function decodeGeneration(bytes: Uint8Array): number {
  const [generation, ...rest] = decodeVarints(bytes);
  if (generation === undefined || rest.length > 0) throw malformedRecord();
  return generation;
}
