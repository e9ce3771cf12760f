import { createSecretKey } from 'node:crypto';
import type { AeadProvider, SegmentCipher } from '../../src/crypto/index.ts';
import { NodeSegment, type Subkey } from '../../src/crypto/node-aead.ts';

/** One published sealing. */
export interface AeadVector {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly associatedData: Uint8Array;
  readonly plaintext: Uint8Array;
  /** Ciphertext and tag. */
  readonly sealed: Uint8Array;
}

type Opened = Uint8Array | 'refused';

function u64At(nonce: Uint8Array, at: number): bigint {
  return new DataView(nonce.buffer, nonce.byteOffset + at, 8).getBigUint64(0);
}

function run(
  cipher: SegmentCipher,
  index: bigint,
  vector: AeadVector,
): { sealed: Uint8Array; opened: Opened } {
  const sealed = new Uint8Array(vector.plaintext.length + 16);
  cipher.seal(index, vector.associatedData, vector.plaintext, sealed, 0);
  const opened = new Uint8Array(Math.max(0, vector.sealed.length - 16));
  const length = cipher.open(index, vector.associatedData, vector.sealed, opened, 0);
  return { sealed, opened: length === opened.length ? opened : 'refused' };
}

/** Seals and opens a vector with a 24-byte nonce through a provider. */
export function runProvider(
  provider: AeadProvider,
  vector: AeadVector,
): { sealed: Uint8Array; opened: Opened } {
  const key = provider.importKey(vector.key);
  try {
    return run(key.segment(vector.nonce.subarray(0, 16)), u64At(vector.nonce, 16), vector);
  } finally {
    key.destroy();
  }
}

/** Seals and opens a vector with a 12-byte nonce through the node provider's inner cipher. */
export function runInner(
  algorithm: Subkey['algorithm'],
  vector: AeadVector,
): { sealed: Uint8Array; opened: Opened } {
  const subkey: Subkey = { algorithm, key: createSecretKey(vector.key), owner: { isAlive: true } };
  return run(new NodeSegment(subkey, vector.nonce.slice()), u64At(vector.nonce, 4), vector);
}
