import { createHmac, hkdfSync } from 'node:crypto';
import { associatedData } from './bytes.ts';

const commitmentDomain = 'sealpost/dek-commitment/v1';

/** HKDF-SHA256 (RFC 5869), 1 .. 8160 bytes. The caller wipes what it gets. */
export function hkdfSha256(
  secret: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, length));
}

/**
 * Binds a DEK to what it is for: 32 bytes of HMAC-SHA256 under the DEK, over the length-prefixed
 * domain and `parts`. Neither suite commits to its key, so this is stored beside the wrapped DEK
 * and compared, with `equalBytes`, after each unwrap.
 */
export function commitmentOf(dek: Uint8Array, parts: readonly (Uint8Array | string)[]): Uint8Array {
  const input = associatedData([commitmentDomain, ...parts]);
  return new Uint8Array(createHmac('sha256', dek).update(input).digest());
}
