import { draw, type Entropy } from '../runtime/index.ts';
import { nonceBytes } from './nonce.ts';
import { defaultSuite, providersOf } from './providers.ts';
import { type AeadKey, type SegmentCipher, segmentIdBytes, tagBytes } from './suite.ts';

/** Bytes that a sealed record has beyond its plaintext: suite, nonce, tag. */
export const recordOverheadBytes: number = 1 + nonceBytes + tagBytes;

const nonceAt = 1;
const bodyAt: number = nonceAt + nonceBytes;

/**
 * Seals one small record under a key: suite (u8) ‖ random nonce (24) ‖ ciphertext ‖ tag (16).
 *
 * With the 32 bytes of a key instead of an AeadKey, the suite is this process's default.
 */
export function sealRecord(
  key: AeadKey | Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
  entropy: Entropy,
): Uint8Array {
  return withKey(key, defaultSuite, (aead) => {
    const record = new Uint8Array(recordOverheadBytes + plaintext.length);
    const nonce = draw(entropy, nonceBytes);
    record[0] = aead.suite;
    record.set(nonce, nonceAt);
    cipherAt(aead, nonce).seal(indexIn(nonce), associatedData, plaintext, record, bodyAt);
    return record;
  })!;
}

/** Opens what `sealRecord` made. Null when anything differs, or its suite may not be used here. */
export function openRecord(
  key: AeadKey | Uint8Array,
  associatedData: Uint8Array,
  record: Uint8Array,
): Uint8Array | null {
  if (record.length < recordOverheadBytes) return null;
  return withKey(key, record[0]!, (aead) => {
    if (aead.suite !== record[0]) return null;
    const nonce = record.subarray(nonceAt, bodyAt);
    const plaintext = new Uint8Array(record.length - recordOverheadBytes);
    const cipher = cipherAt(aead, nonce);
    const length = cipher.open(
      indexIn(nonce),
      associatedData,
      record.subarray(bodyAt),
      plaintext,
      0,
    );
    return length === plaintext.length ? plaintext : null;
  });
}

function cipherAt(aead: AeadKey, nonce: Uint8Array): SegmentCipher {
  return aead.segment(nonce.subarray(0, segmentIdBytes));
}

function indexIn(nonce: Uint8Array): bigint {
  return new DataView(nonce.buffer, nonce.byteOffset + segmentIdBytes, 8).getBigUint64(0);
}

/** Lends an AeadKey, made for this call where only its bytes are at hand. */
function withKey<T>(key: AeadKey | Uint8Array, suite: number, use: (key: AeadKey) => T): T | null {
  if (!(key instanceof Uint8Array)) return use(key);
  const aead = providersOf(suite)[0]?.importKey(key);
  if (aead === undefined) return null;
  try {
    return use(aead);
  } finally {
    aead.destroy();
  }
}
