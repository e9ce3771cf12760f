import type { SodiumNative } from 'sodium-native';
import { HeldKey } from './key-memory.ts';
import { scratchNonce, writeIndex } from './nonce.ts';
import {
  type AeadKey,
  type AeadProvider,
  type NonceIndex,
  type SegmentCipher,
  segmentIdBytes,
  suiteIds,
  tagBytes,
} from './suite.ts';

/**
 * XChaCha20-Poly1305 with the DEK itself for every message: libsodium's HChaCha20 costs less here
 * than the call does, so a subkey per segment would save nothing and be one more secret to zero.
 */
class SodiumSegment implements SegmentCipher {
  readonly #sodium: SodiumNative;
  readonly #key: HeldKey;
  readonly #nonce: Uint8Array;

  constructor(sodium: SodiumNative, key: HeldKey, id: Uint8Array) {
    this.#sodium = sodium;
    this.#key = key;
    this.#nonce = scratchNonce(id);
  }

  seal(
    index: NonceIndex,
    associatedData: Uint8Array,
    plaintext: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number {
    const end = at + plaintext.length + tagBytes;
    writeIndex(this.#nonce, segmentIdBytes, index);
    return this.#sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
      out.subarray(at, end),
      plaintext,
      associatedData,
      null,
      this.#nonce,
      this.#key.bytes,
    );
  }

  open(
    index: NonceIndex,
    associatedData: Uint8Array,
    sealed: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number {
    const length = sealed.length - tagBytes;
    if (length < 0) return -1;
    const key = this.#key.bytes;
    const target = out.subarray(at, at + length);
    writeIndex(this.#nonce, segmentIdBytes, index);
    try {
      const opened = this.#sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        target,
        null,
        sealed,
        associatedData,
        this.#nonce,
        key,
      );
      return opened === length ? length : -1;
    } catch (error) {
      // libsodium checks the tag first and zeroes the target when it is wrong; the binding throws.
      if (target.length !== length) throw error;
      return -1;
    }
  }
}

/** Suite 2 by libsodium, straight into the caller's buffer. */
export function sodiumXchacha(sodium: SodiumNative): AeadProvider {
  return {
    name: 'sodium',
    suite: suiteIds.xchacha20Poly1305,
    importKey(bytes: Uint8Array): AeadKey {
      const key = new HeldKey(bytes);
      return {
        suite: suiteIds.xchacha20Poly1305,
        segment: (id) => new SodiumSegment(sodium, key, id),
        destroy: () => key.release(),
      };
    },
  };
}
