import { segmentKinds, type Append, type LogId, type Segment, type SegmentKind } from '../store.ts';
import { assert } from '../../runtime/index.ts';

/** Bytes of a segment's header: kind 1, count 4, epoch 4, timeMs 8, id 16; all big-endian. */
const segmentHeaderBytes = 33;
const segmentKeyBytes = 16;

const at = { kind: 0, count: 1, epoch: 5, timeMs: 9, id: 17 } as const;
const kinds: ReadonlySet<number> = new Set(Object.values(segmentKinds));

/** What a tail needs of a segment. */
export interface SegmentHead {
  readonly count: number;
  readonly epoch: number;
  readonly timeMs: number;
}

/**
 * Logs are spread over this many trees. In a shared tree a log that grows before a neighbour's
 * first key splits its pages in the middle and leaves them half empty for ever; alone at the end of
 * its tree it fills them.
 */
const treeCount = 32;

/** The databases that hold segments, in order of `log % 32`. */
export const segmentDatabases: readonly string[] = Array.from(
  { length: treeCount },
  (_, tree) => `s${String(tree).padStart(2, '0')}`,
);

/** Every database of a store's environment. */
export const storeDatabases: readonly string[] = [...segmentDatabases, 'logs', 'meta'];

export function segmentDatabase(log: LogId): string {
  return segmentDatabases[log % treeCount]!;
}

/** Key of a segment: log u64 ‖ base u64, big-endian, so that key order is log order. */
export function segmentKey(log: LogId, base: number): Uint8Array {
  const key = Buffer.alloc(segmentKeyBytes);
  writeU64(key, log, 0);
  writeU64(key, base, 8);
  return key;
}

export function logKey(log: LogId): Uint8Array {
  const key = Buffer.alloc(8);
  writeU64(key, log, 0);
  return key;
}

export function baseOfKey(key: Uint8Array): number {
  return readU64(view(key), 8);
}

/** Bytes of the stored value of a segment. */
export function recordBytes(op: Append): number {
  return segmentHeaderBytes + op.body.length;
}

/** Writes the stored value of a segment, header ‖ body, over all of `record`. */
export function encodeSegment(op: Append, record: Buffer): Uint8Array {
  record.writeUInt8(op.kind, at.kind);
  record.writeUInt32BE(op.count, at.count);
  record.writeUInt32BE(op.epoch, at.epoch);
  writeU64(record, op.timeMs, at.timeMs);
  record.set(op.id, at.id);
  record.set(op.body, segmentHeaderBytes);
  return record;
}

export function decodeHead(record: Uint8Array): SegmentHead {
  assert(record.length >= segmentHeaderBytes, 'a stored segment is shorter than its header');
  const bytes = view(record);
  return {
    count: bytes.getUint32(at.count),
    epoch: bytes.getUint32(at.epoch),
    timeMs: readU64(bytes, at.timeMs),
  };
}

/** Whether `decodeSegment` would take it. */
export function isSegment(record: Uint8Array | undefined): boolean {
  return record !== undefined && record.length >= segmentHeaderBytes && kinds.has(record[at.kind]!);
}

/** `record` must be an owned copy: id and body are views of it. */
export function decodeSegment(log: LogId, base: number, record: Uint8Array): Segment {
  const kind = record[at.kind]!;
  assert(kinds.has(kind), 'a stored segment has an unknown kind');
  return {
    log,
    base,
    ...decodeHead(record),
    kind: kind as SegmentKind,
    id: record.subarray(at.id, segmentHeaderBytes),
    body: record.subarray(segmentHeaderBytes),
  };
}

export function segmentIdOf(record: Uint8Array): Uint8Array {
  return record.subarray(at.id, segmentHeaderBytes);
}

export function encodeU32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

export function decodeU32(bytes: Uint8Array): number {
  return view(bytes).getUint32(0);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Two halves instead of a BigInt: every number here is at most 2^53 - 1. */
function writeU64(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  bytes.writeUInt32BE(value % 2 ** 32, offset + 4);
}

function readU64(bytes: DataView, offset: number): number {
  return bytes.getUint32(offset) * 2 ** 32 + bytes.getUint32(offset + 4);
}
