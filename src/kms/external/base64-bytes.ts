/**
 * Base64 from bytes to bytes (RFC 4648 section 4 and 5): what is wrapped is a key, and a key in a
 * string could not be overwritten.
 */
const alphabet: Uint8Array = new TextEncoder().encode(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
);
const padding = 0x3d;
const noDigit = 0xff;

const digits: Uint8Array = new Uint8Array(256).fill(noDigit);
for (const [digit, letter] of alphabet.entries()) digits[letter] = digit;
// The alphabet for URLs, which JSON of protocol buffers may use as well.
digits[0x2d] = 62;
digits[0x5f] = 63;

/** With padding, in memory of its own. */
export function encodeBase64(bytes: Uint8Array): Uint8Array {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(padding);
  let at = 0;
  for (let from = 0; from < bytes.length; from += 3) {
    const count = Math.min(3, bytes.length - from);
    const group = (bytes[from]! << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    for (let digit = 0; digit <= count; digit++) {
      text[at + digit] = alphabet[(group >>> (18 - 6 * digit)) & 63]!;
    }
    at += 4;
  }
  return text;
}

/** Either alphabet, with its padding or without any; null for what is not such a text. */
export function decodeBase64(text: Uint8Array): Uint8Array | null {
  const length = unpaddedLength(text);
  if (length === null || length % 4 === 1) return null;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let from = 0; from < length; from++) {
    const digit = digits[text[from]!]!;
    if (digit === noDigit) return overwritten(bytes);
    held = ((held << 6) | digit) & 0xfff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >>> bits;
  }
  // Bits beyond the last byte are zero, or there would be several texts for the same bytes.
  return (held & ((1 << bits) - 1)) === 0 ? bytes : overwritten(bytes);
}

function overwritten(bytes: Uint8Array): null {
  bytes.fill(0);
  return null;
}

function unpaddedLength(text: Uint8Array): number | null {
  const first = text.indexOf(padding);
  if (first === -1) return text.length;
  const count = text.length - first;
  const isPadded = count <= 2 && text.length % 4 === 0 && text.at(-1) === padding;
  return isPadded ? first : null;
}
