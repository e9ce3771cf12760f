import { assert } from '../runtime/index.ts';
import { sealIndex, segmentIdBytes } from '../crypto/index.ts';
import type { Dek } from './dek.ts';
import {
  asBuffer,
  clearBytes,
  messageData,
  sealData,
  segmentBodyBytes,
  type SegmentPlace,
  setSequence,
  writeHeader,
} from './segment.ts';

/** Offsets into an opened segment are 32 bits wide. */
const bodyBytesMax = 2 ** 32 - 1;

const nothing = new Uint8Array(0);

/**
 * Seals messages into the body of one segment, in order, message i at sequence `place.base` + i.
 *
 * `id` (16 random bytes) names exactly these bytes: if place or messages change in any way, draw a
 * new one. The body is exactly as long as what `allocate` was asked for; every byte is written.
 */
export function sealSegment(
  dek: Dek,
  id: Uint8Array,
  place: SegmentPlace,
  messages: readonly { readonly bytes: Uint8Array }[],
  allocate: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  assert(id.length === segmentIdBytes, 'a segment id has 16 bytes');
  const sizes = messages.map((message) => message.bytes.length);
  const bodyBytes = segmentBodyBytes(sizes);
  assert(bodyBytes <= bodyBytesMax, 'a segment is smaller than 4 GiB');
  const body = asBuffer(allocate(bodyBytes));
  writeHeader(body, { suite: dek.suite, dekVersion: dek.version }, sizes);

  const cipher = dek.segment(id);
  const data = messageData(place, dek.suite);
  let at = clearBytes(messages.length);
  for (let i = 0; i < messages.length; i++) {
    setSequence(data, place.base + i);
    at += cipher.seal(i, data, messages[i]!.bytes, body, at);
  }
  at += cipher.seal(sealIndex, sealData(place, id, messages.length, body), nothing, body, at);
  assert(at === bodyBytes, 'a segment fills its body exactly');
  dek.account(bodyBytes);
  // Not as a Buffer, whose slice() would not copy.
  return new Uint8Array(body.buffer, body.byteOffset, bodyBytes);
}
