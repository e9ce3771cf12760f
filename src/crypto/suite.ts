/** Suite ids as stored in every segment; only ever added to (docs/envelope-format.md). */
export const suiteIds = { xaes256Gcm: 1, xchacha20Poly1305: 2 } as const;
export type SuiteId = (typeof suiteIds)[keyof typeof suiteIds];

export const keyBytes = 32;
export const tagBytes = 16;
export const segmentIdBytes = 16;

/**
 * The last 64 bits of a nonce: 0 .. 2^53 - 1 for messages, or `sealIndex`. A bigint reaches the rest
 * of the 64 bits, for nonces that are random throughout.
 */
export type NonceIndex = number | bigint;

/**
 * The AEAD of one segment: a DEK and the segment's random id, ready to seal or open many indexes.
 *
 * The nonce of index i is the suite's 24 bytes `id ‖ u64be(i)`. Never seal two different inputs
 * under one id and index.
 */
export interface SegmentCipher {
  /** Writes ciphertext and then the 16-byte tag to `out` at `at`; returns the bytes written. */
  seal(
    index: NonceIndex,
    associatedData: Uint8Array,
    plaintext: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number;
  /**
   * Verifies `sealed` (ciphertext and tag), then writes the plaintext to `out` at `at` and returns
   * its length. Returns -1, with `out` untouched or zeroed there, if the tag does not fit.
   */
  open(
    index: NonceIndex,
    associatedData: Uint8Array,
    sealed: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number;
}

/** Stands for index 2^64 - 1, which seals a segment's clear bytes. */
export const sealIndex = -1;

/** An AEAD key held for many segments. Its bytes leave only into ciphers; `destroy` zeroes them. */
export interface AeadKey {
  readonly suite: SuiteId;
  segment(id: Uint8Array): SegmentCipher;
  destroy(): void;
}

/** One implementation of one or both suites, chosen at start (known answers, micro-benchmark). */
export interface AeadProvider {
  readonly name: 'sodium' | 'node' | 'noble';
  readonly suite: SuiteId;
  /** Copies `bytes` (32) into the key's own protected memory; the caller zeroes its copy. */
  importKey(bytes: Uint8Array): AeadKey;
}
