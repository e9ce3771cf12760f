/**
 * Base64 from bytes to bytes: what a transit engine takes and gives are keys, and a string of them
 * could not be overwritten.
 */
const alphabet: Uint8Array = new TextEncoder().encode(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
);
const padding = 0x3d;

const values: Int8Array = new Int8Array(256).fill(-1);
for (const [value, character] of alphabet.entries()) values[character] = value;

/** Padded (RFC 4648 section 4). */
export function encodeBase64(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(padding);
  for (let at = 0, to = 0; at < bytes.length; at += 3, to += 4) {
    const left = Math.min(bytes.length - at, 3);
    const word = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let i = 0; i <= left; i++) out[to + i] = alphabet[(word >>> (18 - 6 * i)) & 63]!;
  }
  return out;
}

/** The bytes of padded base64, or null if it is none, or not in its one canonical form. */
export function decodeBase64(text: Uint8Array): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padded = text.at(-1) === padding ? (text.at(-2) === padding ? 2 : 1) : 0;
  const out = new Uint8Array((text.length / 4) * 3 - padded);
  let word = 0;
  for (let at = 0; at < text.length; at++) {
    const isPadding = at >= text.length - padded;
    const value = isPadding ? 0 : values[text[at]!]!;
    if (value < 0) return refused(out);
    word = (word << 6) | value;
    if (at % 4 < 3) continue;
    const to = (at >>> 2) * 3;
    for (let i = 0; i < 3; i++)
      if (to + i < out.length) out[to + i] = (word >>> (16 - 8 * i)) & 255;
    if (isPadding && (word & (2 ** (8 * padded) - 1)) !== 0) return refused(out);
    word = 0;
  }
  return out;
}

function refused(out: Uint8Array): null {
  out.fill(0);
  return null;
}
