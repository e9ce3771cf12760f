/** Which messages of a segment match which filters; clear bytes, bound by the segment's seal. */
export interface FilterSection {
  /** Ids of the filters that were evaluated, at most 65,535; never those of other filters. */
  readonly slots: readonly number[];
  /** `bitmapBytes` for each slot; bit i of one, lowest first: message i matches. */
  readonly bits: Uint8Array;
}

const countBytes = 2;
const slotBytes = 4;

/** Bytes of one slot's bits. */
export function bitmapBytes(count: number): number {
  return Math.ceil(count / 8);
}

/** Bytes of the section in a segment of `count` messages; 0 without one. */
export function sectionBytes(section: FilterSection | null, count: number): number {
  return section === null ? 0 : bytesOf(section.slots.length, count);
}

/** The same of the section that begins at `at` in a body; null if the body ends before it does. */
export function storedSectionBytes(body: Buffer, at: number, count: number): number | null {
  if (at + countBytes > body.length) return null;
  const bytes = bytesOf(body.readUInt16BE(at), count);
  return at + bytes <= body.length ? bytes : null;
}

export function writeSection(body: Buffer, at: number, section: FilterSection): void {
  let next = body.writeUInt16BE(section.slots.length, at);
  for (const slot of section.slots) next = body.writeUInt32BE(slot, next);
  body.set(section.bits, next);
}

/** The section that begins at `at`, which was seen to be whole; a copy. */
export function readSection(body: Buffer, at: number, count: number): FilterSection {
  const slotCount = body.readUInt16BE(at);
  const slotsAt = at + countBytes;
  const slots = Array.from({ length: slotCount }, (_, i) =>
    body.readUInt32BE(slotsAt + i * slotBytes),
  );
  const bits = new Uint8Array(slotCount * bitmapBytes(count));
  bits.set(body.subarray(slotsAt + slotCount * slotBytes, at + bytesOf(slotCount, count)));
  return { slots, bits };
}

function bytesOf(slotCount: number, count: number): number {
  return countBytes + slotCount * (slotBytes + bitmapBytes(count));
}
