import { timingSafeEqual } from 'node:crypto';

const utf8 = new TextEncoder();

/** Compares without telling where two byte strings differ; their lengths are no secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Overwrites key bytes once they have been used. Copies that the engine made may remain. */
export function wipe(bytes: Uint8Array): void {
  bytes.fill(0);
}

/**
 * Joins parts into associated data: each is u32be(byte length) and its bytes, strings as UTF-8, so
 * that no two different lists of parts give the same bytes.
 */
export function associatedData(parts: readonly (Uint8Array | string)[]): Uint8Array {
  const encoded = parts.map((part) => (typeof part === 'string' ? utf8.encode(part) : part));
  const joined = new Uint8Array(encoded.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(joined.buffer);
  let at = 0;
  for (const part of encoded) {
    view.setUint32(at, part.length);
    joined.set(part, at + 4);
    at += 4 + part.length;
  }
  return joined;
}
