import { assert } from '../runtime/index.ts';
import { sealIndex, segmentIdBytes } from '../crypto/index.ts';
import type { Dek } from './dek.ts';
import { bitmapBytes, type FilterSection } from './filter-section.ts';
import {
  asBuffer,
  clearBytes,
  messageData,
  sealData,
  segmentBodyBytes,
  type SegmentPlace,
  setSequence,
  writeClear,
} from './segment.ts';

/** Offsets into an opened segment are 32 bits wide. */
const bodyBytesMax = 2 ** 32 - 1;

/** Their number is 16 bits wide. */
const slotsMax = 2 ** 16 - 1;

const nothing = new Uint8Array(0);

export interface SealOptions {
  /** Where the body goes; every byte of what it returns is written. */
  readonly allocate?: (bytes: number) => Uint8Array;
  /** What is known of the messages' filters. */
  readonly filters?: FilterSection | null;
}

/**
 * Seals messages into the body of one segment, in order, message i at sequence `place.base` + i.
 *
 * `id` (16 random bytes) names exactly these bytes: if place, messages or filters change in any
 * way, draw a new one. The body is exactly as long as what `allocate` was asked for.
 */
export function sealSegment(
  dek: Dek,
  id: Uint8Array,
  place: SegmentPlace,
  messages: readonly { readonly bytes: Uint8Array }[],
  options: SealOptions = {},
): Uint8Array {
  assert(id.length === segmentIdBytes, 'a segment id has 16 bytes');
  const { allocate = (bytes: number) => new Uint8Array(bytes), filters = null } = options;
  const count = messages.length;
  if (filters !== null) assertFits(filters, count);
  const sizes = messages.map((message) => message.bytes.length);
  const bodyBytes = segmentBodyBytes(sizes, filters);
  assert(bodyBytes <= bodyBytesMax, 'a segment is smaller than 4 GiB');
  const body = asBuffer(allocate(bodyBytes));
  writeClear(body, { suite: dek.suite, dekVersion: dek.version }, sizes, filters);

  const cipher = dek.segment(id);
  const data = messageData(place, dek.suite);
  const clear = clearBytes(count, filters);
  let at = clear;
  for (let i = 0; i < count; i++) {
    setSequence(data, place.base + i);
    at += cipher.seal(i, data, messages[i]!.bytes, body, at);
  }
  const ofSeal = sealData(place, id, count, body.subarray(0, clear));
  at += cipher.seal(sealIndex, ofSeal, nothing, body, at);
  assert(at === bodyBytes, 'a segment fills its body exactly');
  dek.account(bodyBytes);
  // Not as a Buffer, whose slice() would not copy.
  return new Uint8Array(body.buffer, body.byteOffset, bodyBytes);
}

function assertFits({ slots, bits }: FilterSection, count: number): void {
  assert(slots.length > 0 && slots.length <= slotsMax, 'a filter section has 1 .. 65,535 slots');
  assert(bits.length === slots.length * bitmapBytes(count), 'each slot has a bit of each message');
}
