import { assert } from '../runtime/index.ts';
import { type SegmentCipher, sealIndex, segmentIdBytes, tagBytes } from '../crypto/index.ts';
import type { Dek } from './dek.ts';
import { EnvelopeError } from './envelope-error.ts';
import type { FilterSection } from './filter-section.ts';
import {
  asBuffer,
  messageData,
  readFilters,
  readHeader,
  readOffsets,
  sealData,
  type SegmentPlace,
  setSequence,
  storedClearBytes,
} from './segment.ts';

/** What the store keeps of a message segment beside its place. */
export interface StoredSegment {
  readonly id: Uint8Array;
  readonly count: number;
  readonly body: Uint8Array;
}

/** The plaintexts of one segment, back to back in one allocation that nobody else holds. */
export interface OpenedSegment {
  /** Sequence of message 0. */
  readonly base: number;
  readonly count: number;
  readonly timeMs: number;
  /** Message i is `bytes.subarray(offsets[i], offsets[i + 1])`. */
  readonly bytes: Buffer;
  /** count + 1 entries, from 0 to the length of `bytes`. */
  readonly offsets: Uint32Array;
  /** Which messages match which filters, as far as it was known when they were sealed. */
  readonly filters: FilterSection | null;
}

const nothing = new Uint8Array(0);

/** Which of the topic's DEKs seals this body. Not verified yet: the DEK itself shows a lie. */
export function segmentDekVersion(body: Uint8Array): number {
  return readHeader(asBuffer(body)).dekVersion;
}

/**
 * Checks that place, id, count and all clear bytes of a segment are those that were sealed. Call it
 * before a clear field decides anything, where the messages need not be opened.
 *
 * @returns where each plaintext will begin, count + 1 entries: the sizes, now trusted.
 * @throws EnvelopeError
 */
export function verifySeal(dek: Dek, place: SegmentPlace, segment: StoredSegment): Uint32Array {
  return verified(dek, place, segment).offsets;
}

/**
 * What a segment says about filters, once its seal was checked: see `verifySeal`.
 *
 * @throws EnvelopeError
 */
export function verifiedFilters(
  dek: Dek,
  place: SegmentPlace,
  segment: StoredSegment,
): FilterSection | null {
  return verified(dek, place, segment).filters;
}

/** What a segment says about filters. Not verified: for gauges, and not for deliveries. */
export function segmentFilters(body: Uint8Array, count: number): FilterSection | null {
  const buffer = asBuffer(body);
  const header = readHeader(buffer);
  storedClearBytes(buffer, header, count);
  return readFilters(buffer, header, count);
}

/**
 * Opens a whole segment: the seal first, then every message. All of it opens or nothing does.
 *
 * @throws EnvelopeError
 */
export function openSegment(dek: Dek, place: SegmentPlace, segment: StoredSegment): OpenedSegment {
  const { body, cipher, clear, offsets, filters } = verified(dek, place, segment);
  const { count } = segment;
  const bytes = Buffer.allocUnsafeSlow(offsets[count]!);
  const data = messageData(place, dek.suite);
  let at = clear;
  for (let i = 0; i < count; i++) {
    const start = offsets[i]!;
    const end = at + offsets[i + 1]! - start + tagBytes;
    setSequence(data, place.base + i);
    if (cipher.open(i, data, body.subarray(at, end), bytes, start) < 0) {
      bytes.fill(0);
      throw new EnvelopeError('tampered', 'a message of the segment does not open');
    }
    at = end;
  }
  return { base: place.base, count, timeMs: place.timeMs, bytes, offsets, filters };
}

interface VerifiedSegment {
  readonly body: Buffer;
  readonly cipher: SegmentCipher;
  /** Where the sealed bytes begin. */
  readonly clear: number;
  readonly offsets: Uint32Array;
  readonly filters: FilterSection | null;
}

function verified(dek: Dek, place: SegmentPlace, segment: StoredSegment): VerifiedSegment {
  assert(segment.id.length === segmentIdBytes, 'a segment id has 16 bytes');
  const body = asBuffer(segment.body);
  const header = readHeader(body);
  const isOurs = header.suite === dek.suite && header.dekVersion === dek.version;
  if (!isOurs) throw new EnvelopeError('tampered', 'the segment was sealed under another DEK');
  const clear = storedClearBytes(body, header, segment.count);
  const offsets = readOffsets(body, segment.count, clear);
  const cipher = dek.segment(segment.id);
  const data = sealData(place, segment.id, segment.count, body.subarray(0, clear));
  const seal = body.subarray(body.length - tagBytes);
  if (cipher.open(sealIndex, data, seal, nothing, 0) !== 0) {
    throw new EnvelopeError('tampered', 'the seal of the segment does not fit');
  }
  const filters = readFilters(body, header, segment.count);
  return { body, cipher, clear, offsets, filters };
}
