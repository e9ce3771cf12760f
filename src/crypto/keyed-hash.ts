import { blake2b } from '@noble/hashes/blake2.js';
import { assert } from '../runtime/index.ts';
import { sodium } from './sodium.ts';

/**
 * Keyed BLAKE2b (RFC 7693): fills `out` (16 .. 64 bytes) with the MAC of `input` under `key`
 * (16 .. 64 bytes). The output length is part of the hash: a shorter one is not a prefix.
 */
export function keyedHashInto(key: Uint8Array, input: Uint8Array, out: Uint8Array): void {
  assert(key.length >= 16 && key.length <= 64, 'a keyed hash takes a key of 16 to 64 bytes');
  assert(out.length >= 16 && out.length <= 64, 'a keyed hash gives 16 to 64 bytes');
  if (sodium) sodium.crypto_generichash(out, input, key);
  else portableKeyedHashInto(key, input, out);
}

/** As `keyedHashInto`, in plain JavaScript whatever loads: the same bytes, more slowly. */
export function portableKeyedHashInto(key: Uint8Array, input: Uint8Array, out: Uint8Array): void {
  out.set(blake2b(input, { key, dkLen: out.length }));
}

/** As `keyedHashInto`, into `length` bytes of its own. */
export function keyedHash(key: Uint8Array, input: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  keyedHashInto(key, input, out);
  return out;
}
