import { segmentKinds, type SegmentKind } from '../../storage/index.ts';
import { decodeDelta, decodeGeneration, decodeSnapshotPart } from './ack-record.ts';
import type { AckSnapshotPart } from './ack-record.ts';
import { decodeLeases, type LeaseRecord } from './lease-record.ts';

/**
 * The state that a log of acknowledgement records adds up to: replay them in order. Unacknowledged
 * sequences are held one by one; what lies between two acknowledgements was either handed out, or
 * stands in a range of its own.
 */
export class AckReplay {
  #frontier: number;
  #generation = 0;
  #holes: Set<number> = new Set();
  #leases = new Map<number, LeaseRecord>();
  #parts: AckSnapshotPart[] = [];
  /** Of the snapshot that is being read. */
  #partsGeneration = 0;
  /** Read right before, for the snapshot that may follow. */
  #generationAhead = 0;

  constructor(start: number) {
    this.#frontier = start;
  }

  get frontier(): number {
    return this.#frontier;
  }

  get generation(): number {
    return this.#generation;
  }

  holes(): Iterable<number> {
    return this.#holes;
  }

  /** The leases that are not over at `nowMs` of the wall clock, by sequence. */
  leases(nowMs: number): LeaseRecord[] {
    return [...this.#leases.values()]
      .filter(({ sequence, deadlineWallMs, generation }) => {
        const isOfNow = generation === this.#generation && this.#holes.has(sequence);
        return isOfNow && deadlineWallMs > nowMs;
      })
      .toSorted((a, b) => a.sequence - b.sequence);
  }

  apply(kind: SegmentKind, record: Uint8Array): void {
    const generationAhead = this.#generationAhead;
    this.#generationAhead = 0;
    if (kind === segmentKinds.ackDelta) this.#delta(record);
    else if (kind === segmentKinds.ackSnapshot) this.#snapshotPart(record, generationAhead);
    else if (kind === segmentKinds.ackLeases) this.#lease(record);
    else if (kind === segmentKinds.ackGeneration) this.#generationAhead = decodeGeneration(record);
  }

  #delta(record: Uint8Array): void {
    const delta = decodeDelta(record);
    this.#raiseFloor(delta.floor);
    for (const [first, end] of delta.ranges) {
      this.#handOut(first);
      this.#remove(first, Math.min(end, this.#frontier));
      this.#frontier = Math.max(this.#frontier, end);
    }
  }

  #snapshotPart(record: Uint8Array, generationAhead: number): void {
    const part = decodeSnapshotPart(record);
    if (part.part === 0) {
      this.#parts = [];
      this.#partsGeneration = generationAhead;
    }
    if (part.part !== this.#parts.length) return;
    this.#parts.push(part);
    if (this.#parts.length < part.parts) return;
    this.#frontier = part.frontier;
    this.#generation = this.#partsGeneration;
    this.#holes = new Set(this.#parts.flatMap((each) => each.holes));
    // What of them goes on follows the snapshot.
    this.#leases.clear();
    this.#parts = [];
  }

  /** What is leased was handed out, and so was all before it. */
  #lease(record: Uint8Array): void {
    for (const lease of decodeLeases(record)) {
      if (lease.generation !== this.#generation) continue;
      this.#handOut(lease.sequence + 1);
      this.#leases.set(lease.sequence, lease);
    }
  }

  #handOut(end: number): void {
    for (; this.#frontier < end; this.#frontier++) this.#holes.add(this.#frontier);
  }

  /** Takes the shorter way: a range may be as long as a log, or the holes many. */
  #remove(first: number, end: number): void {
    if (end - first <= this.#holes.size) {
      for (let sequence = first; sequence < end; sequence++) this.#holes.delete(sequence);
      return;
    }
    for (const hole of this.#holes) if (hole >= first && hole < end) this.#holes.delete(hole);
  }

  #raiseFloor(floor: number): void {
    for (const hole of this.#holes) {
      if (hole >= floor) break;
      this.#holes.delete(hole);
    }
    this.#frontier = Math.max(this.#frontier, floor);
  }
}
