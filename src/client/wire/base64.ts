const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const digits = new TextEncoder().encode(alphabet);
const padding = 0x3d;
const decoder = new TextDecoder();

const values = new Uint8Array(128).fill(255);
for (const [value, digit] of digits.entries()) values[digit] = value;
values[0x2d] = 62;
values[0x5f] = 63;

/** Padded base64. By hand: what browsers and Node have for it goes through strings of bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let to = 0;
  for (let from = 0; from < bytes.length; from += 3) {
    const second = bytes[from + 1];
    const third = bytes[from + 2];
    const bits = ((bytes[from] ?? 0) << 16) | ((second ?? 0) << 8) | (third ?? 0);
    text[to++] = digits[bits >> 18] ?? 0;
    text[to++] = digits[(bits >> 12) & 63] ?? 0;
    text[to++] = second === undefined ? padding : (digits[(bits >> 6) & 63] ?? 0);
    text[to++] = third === undefined ? padding : (digits[bits & 63] ?? 0);
  }
  return decoder.decode(text);
}

/** Base64 of either alphabet, padded or not. Throws on anything else. */
export function decodeBase64(text: string): Uint8Array {
  let length = text.length;
  while (length > 0 && text.charCodeAt(length - 1) === padding) length--;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let to = 0;
  for (let from = 0; from < length; from++) {
    const value = values[text.charCodeAt(from)] ?? 255;
    if (value === 255) throw new RangeError('A frame has bytes that are not base64.');
    bits = (bits << 6) | value;
    if (from % 4 !== 0) bytes[to++] = (bits >> (6 - 2 * (from % 4))) & 255;
  }
  return bytes;
}
