import { assert } from '../runtime/index.ts';
import { segmentIdBytes, type SuiteId, suiteIds, tagBytes } from '../crypto/index.ts';
import { EnvelopeError } from './envelope-error.ts';
import {
  type FilterSection,
  readSection,
  sectionBytes,
  storedSectionBytes,
  writeSection,
} from './filter-section.ts';

/** Where a segment is. All of it is associated data: moved, it no longer opens. */
export interface SegmentPlace {
  readonly topicUid: Uint8Array;
  /** Shard of the topic, 0 .. 2^32 - 1. */
  readonly lane: number;
  readonly base: number;
  readonly epoch: number;
  /** Publish time of every message in it, ms since the Unix epoch. */
  readonly timeMs: number;
}

/** The only format so far of a message segment's body (docs/envelope-format.md). */
const segmentFormat = 1;

/** format u8, suite u8, flags u16, DEK version u32; the sizes follow. */
const headerBytes = 8;
const sizeBytes = 4;
/** The only flag there is: a filter section follows the sizes. */
const filtersFlag = 1;
const topicUidBytes = 16;

/** storage's kind of a message segment, as it is bound by the seal. */
const messagesKind = 1;

const sealDomain: Buffer = Buffer.from('sealpost/segment-seal/v1', 'latin1');
const sealPrefixBytes: number =
  sealDomain.length + topicUidBytes + 4 + 8 + 4 + 8 + segmentIdBytes + 8 + 1;

/** Where the sequence stands in a message's associated data. */
const sequenceAt = 22;
const messageDataBytes = 38;

/** The clear beginning of a body. */
export interface SegmentHeader {
  readonly suite: SuiteId;
  readonly dekVersion: number;
  readonly hasFilters: boolean;
}

/** Bytes of the header, the size directory and the filter section. */
export function clearBytes(count: number, filters: FilterSection | null): number {
  return sizesEnd(count) + sectionBytes(filters, count);
}

/** The same of a stored body. Throws EnvelopeError if it is cut short. */
export function storedClearBytes(body: Buffer, header: SegmentHeader, count: number): number {
  const end = sizesEnd(count);
  if (!header.hasFilters) return end;
  const bytes = storedSectionBytes(body, end, count);
  if (bytes === null) throw new EnvelopeError('tampered', 'the segment is cut short');
  return end + bytes;
}

function sizesEnd(count: number): number {
  return headerBytes + count * sizeBytes;
}

/** Bytes of a body that holds plaintexts of these sizes. */
export function segmentBodyBytes(sizes: readonly number[], filters: FilterSection | null): number {
  const sealed = sizes.reduce((sum, size) => sum + size + tagBytes, 0);
  return clearBytes(sizes.length, filters) + sealed + tagBytes;
}

/** Plaintext bytes of a body, by its clear bytes alone: not verified, for estimates. */
export function segmentPlainBytes(body: Uint8Array, count: number): number {
  let clear = sizesEnd(count);
  if (body[3] === filtersFlag) clear += storedSectionBytes(asBuffer(body), clear, count) ?? 0;
  return Math.max(0, body.length - clear - (count + 1) * tagBytes);
}

/** The filter section of a body whose length was checked; null if it has none. */
export function readFilters(
  body: Buffer,
  header: SegmentHeader,
  count: number,
): FilterSection | null {
  return header.hasFilters ? readSection(body, sizesEnd(count), count) : null;
}

/** A body as a Buffer over the same bytes. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function writeClear(
  body: Buffer,
  header: Omit<SegmentHeader, 'hasFilters'>,
  sizes: readonly number[],
  filters: FilterSection | null,
): void {
  body.writeUInt8(segmentFormat, 0);
  body.writeUInt8(header.suite, 1);
  body.writeUInt16BE(filters === null ? 0 : filtersFlag, 2);
  body.writeUInt32BE(header.dekVersion, 4);
  for (let i = 0; i < sizes.length; i++) body.writeUInt32BE(sizes[i]!, headerBytes + i * sizeBytes);
  if (filters !== null) writeSection(body, sizesEnd(sizes.length), filters);
}

/** @throws EnvelopeError for anything but format 1, a known suite and flags 0 or 1. */
export function readHeader(body: Buffer): SegmentHeader {
  if (body.length < headerBytes) throw new EnvelopeError('tampered', 'the segment is cut short');
  const format = body.readUInt8(0);
  if (format !== segmentFormat)
    throw new EnvelopeError('unsupported', `segment format ${format} is not known`);
  const suite = body.readUInt8(1);
  const isKnown = suite === suiteIds.xaes256Gcm || suite === suiteIds.xchacha20Poly1305;
  if (!isKnown) throw new EnvelopeError('unsupported', `AEAD suite ${suite} is not known`);
  const flags = body.readUInt16BE(2);
  if (flags > filtersFlag)
    throw new EnvelopeError('unsupported', `segment flags ${flags} are not known`);
  return { suite, dekVersion: body.readUInt32BE(4), hasFilters: flags === filtersFlag };
}

/**
 * Where each plaintext begins in the opened segment, count + 1 entries; `clear` is where the sealed
 * bytes begin in the body.
 *
 * @throws EnvelopeError `tampered` unless sizes, tags and seal fill the body exactly.
 */
export function readOffsets(body: Buffer, count: number, clear: number): Uint32Array {
  const total = body.length - clear - (count + 1) * tagBytes;
  if (total < 0) throw new EnvelopeError('tampered', 'the segment is cut short');
  const offsets = new Uint32Array(count + 1);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    offsets[i] = sum;
    sum += body.readUInt32BE(headerBytes + i * sizeBytes);
  }
  if (sum !== total)
    throw new EnvelopeError('tampered', 'the segment is not as long as its sizes say');
  offsets[count] = sum;
  return offsets;
}

/** The associated data of the message at `place.base`; `setSequence` moves it to the next ones. */
export function messageData(place: SegmentPlace, suite: SuiteId): Buffer {
  assert(place.topicUid.length === topicUidBytes, 'a topic uid has 16 bytes');
  const data = Buffer.allocUnsafe(messageDataBytes);
  data[0] = segmentFormat;
  data[1] = suite;
  data.set(place.topicUid, 2);
  data.writeUInt32BE(place.lane, 18);
  writeUint64(data, sequenceAt, place.base);
  writeUint64(data, 30, place.timeMs);
  return data;
}

export function setSequence(data: Buffer, sequence: number): void {
  writeUint64(data, sequenceAt, sequence);
}

/** The associated data of the seal: the segment's place and id, then its clear bytes as stored. */
export function sealData(
  place: SegmentPlace,
  id: Uint8Array,
  count: number,
  clearBody: Buffer,
): Buffer {
  assert(place.topicUid.length === topicUidBytes, 'a topic uid has 16 bytes');
  const data = Buffer.allocUnsafe(sealPrefixBytes + clearBody.length);
  data.set(sealDomain);
  let at = sealDomain.length;
  data.set(place.topicUid, at);
  at = data.writeUInt32BE(place.lane, at + topicUidBytes);
  at = writeUint64(data, at, place.base);
  at = data.writeUInt32BE(count, at);
  at = writeUint64(data, at, place.epoch);
  data.set(id, at);
  at = writeUint64(data, at + segmentIdBytes, place.timeMs);
  at = data.writeUInt8(messagesKind, at);
  data.set(clearBody, at);
  return data;
}

/** Writes u64be of 0 .. 2^53 - 1 and returns where it ends. */
function writeUint64(data: Buffer, at: number, value: number): number {
  assert(Number.isSafeInteger(value) && value >= 0, 'a stored number is 0 .. 2^53 - 1');
  data.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  return data.writeUInt32BE(value >>> 0, at + 4);
}
