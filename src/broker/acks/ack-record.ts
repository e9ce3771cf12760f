import { RpcError } from '../../rpc/index.ts';
import { varintBytes, WireReader, writeVarint } from '../wire/varint.ts';

/**
 * Records of an ack-state log, before they are sealed. Varints as in protobuf.
 *
 * - delta: `floor, (gap, length)*`: everything below the floor is acknowledged, and so are the
 *   ranges; each gap counts from the end of the one before, the first from the floor.
 * - snapshot part: `part, parts, frontier, floor, hole gaps*`: the whole state, in `parts` records.
 */
export interface AckDelta {
  readonly floor: number;
  /** Sequences that were acknowledged, at or above the floor, ascending and distinct. */
  readonly acked: readonly number[];
}

export interface AckSnapshotPart {
  readonly part: number;
  readonly parts: number;
  readonly frontier: number;
  /** Unacknowledged sequences below the frontier, ascending. */
  readonly holes: readonly number[];
}

function encode(values: readonly number[]): Uint8Array {
  let size = 0;
  for (const value of values) size += varintBytes(value);
  const out = new Uint8Array(size);
  let at = 0;
  for (const value of values) at = writeVarint(out, at, value);
  return out;
}

function decode(bytes: Uint8Array): number[] {
  const reader = new WireReader(bytes);
  const values: number[] = [];
  while (reader.ok && reader.at < reader.end) values.push(reader.varint());
  if (!reader.ok) throw malformed();
  return values;
}

const malformed = (): RpcError =>
  new RpcError(
    'DATA_LOSS',
    'ACK_STATE_MALFORMED',
    'A record of the acknowledgement state cannot be read.',
  );

export function encodeDelta(delta: AckDelta): Uint8Array {
  const values = [delta.floor];
  let end = delta.floor;
  for (const [first, length] of ranges(delta.acked)) {
    values.push(first - end, length);
    end = first + length;
  }
  return encode(values);
}

function* ranges(sequences: readonly number[]): Iterable<[first: number, length: number]> {
  for (let i = 0; i < sequences.length;) {
    let end = i + 1;
    while (end < sequences.length && sequences[end] === sequences[i]! + (end - i)) end++;
    yield [sequences[i]!, end - i];
    i = end;
  }
}

/** The floor, and the acknowledged ranges as [first, end) pairs. */
export function decodeDelta(bytes: Uint8Array): { floor: number; ranges: [number, number][] } {
  const values = decode(bytes);
  const floor = values[0];
  if (floor === undefined || values.length % 2 !== 1) throw malformed();
  const found: [number, number][] = [];
  let end = floor;
  for (let i = 1; i < values.length; i += 2) {
    const first = end + values[i]!;
    end = first + values[i + 1]!;
    found.push([first, end]);
  }
  return { floor, ranges: found };
}

export function encodeSnapshotPart(snapshot: AckSnapshotPart): Uint8Array {
  const floor = snapshot.holes[0] ?? snapshot.frontier;
  const values = [snapshot.part, snapshot.parts, snapshot.frontier, floor];
  let last = floor;
  for (const hole of snapshot.holes) {
    values.push(hole - last);
    last = hole;
  }
  return encode(values);
}

export function decodeSnapshotPart(bytes: Uint8Array): AckSnapshotPart {
  const [part, parts, frontier, floor, ...gaps] = decode(bytes);
  if (part === undefined || parts === undefined) throw malformed();
  if (frontier === undefined || floor === undefined) throw malformed();
  let last = floor;
  return { part, parts, frontier, holes: gaps.map((gap) => (last += gap)) };
}

/**
 * The state that a log of such records adds up to: replay them in order. Unacknowledged sequences
 * are held one by one, so an ack far above the frontier may only follow a floor that is near.
 */
export class AckReplay {
  #frontier: number;
  #holes: Set<number> = new Set();
  #parts: AckSnapshotPart[] = [];

  constructor(start: number) {
    this.#frontier = start;
  }

  get frontier(): number {
    return this.#frontier;
  }

  holes(): Iterable<number> {
    return this.#holes;
  }

  delta(bytes: Uint8Array): void {
    const delta = decodeDelta(bytes);
    this.#raiseFloor(delta.floor);
    for (const [first, end] of delta.ranges) {
      for (let sequence = this.#frontier; sequence < first; sequence++) this.#holes.add(sequence);
      for (let sequence = first; sequence < Math.min(end, this.#frontier); sequence++) {
        this.#holes.delete(sequence);
      }
      this.#frontier = Math.max(this.#frontier, end);
    }
  }

  snapshotPart(bytes: Uint8Array): void {
    const part = decodeSnapshotPart(bytes);
    if (part.part === 0) this.#parts = [];
    if (part.part !== this.#parts.length) return;
    this.#parts.push(part);
    if (this.#parts.length < part.parts) return;
    this.#frontier = part.frontier;
    this.#holes = new Set(this.#parts.flatMap((each) => each.holes));
    this.#parts = [];
  }

  #raiseFloor(floor: number): void {
    for (const hole of this.#holes) {
      if (hole >= floor) break;
      this.#holes.delete(hole);
    }
    this.#frontier = Math.max(this.#frontier, floor);
  }
}
