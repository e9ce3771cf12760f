import { segmentKinds, type SegmentKind } from '../../storage/index.ts';
import { encodeGeneration, encodeSnapshotPart } from './ack-record.ts';
import { encodeLeases, type LeaseRecord } from './lease-record.ts';

const holesPerPartMax = 65_536;

/** Where the acknowledgements of a subscription stand, as its backlog has them in memory. */
export interface AckPosition {
  /** Everything below is acknowledged. */
  readonly floor: number;
  readonly frontier: number;
  /** How often the backlog was replaced. */
  readonly generation: number;
  /** Unacknowledged sequences below the frontier, ascending. */
  holes(): Iterable<number>;
}

/** The whole state, to be appended in one commit: the leases come after what they rest on. */
export function snapshotRecords(
  position: AckPosition,
  leases: Iterable<LeaseRecord>,
): { kind: SegmentKind; record: Uint8Array }[] {
  const { frontier, generation } = position;
  const holes = [...position.holes()];
  const parts = Math.max(1, Math.ceil(holes.length / holesPerPartMax));
  const records: { kind: SegmentKind; record: Uint8Array }[] = [];
  if (generation > 0) {
    records.push({ kind: segmentKinds.ackGeneration, record: encodeGeneration(generation) });
  }
  for (let part = 0; part < parts; part++) {
    const of = holes.slice(part * holesPerPartMax, (part + 1) * holesPerPartMax);
    const record = encodeSnapshotPart({ part, parts, frontier, holes: of });
    records.push({ kind: segmentKinds.ackSnapshot, record });
  }
  for (const record of encodeLeases(leases)) {
    records.push({ kind: segmentKinds.ackLeases, record });
  }
  return records;
}
