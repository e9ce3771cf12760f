import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
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

/** The portable reference: XChaCha20-Poly1305 as @noble/ciphers writes it, nonce and all. */
class NobleSegment implements SegmentCipher {
  readonly #key: HeldKey;
  readonly #nonce: Uint8Array;

  constructor(key: HeldKey, id: Uint8Array) {
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
    writeIndex(this.#nonce, segmentIdBytes, index);
    // Into a buffer of its own: given an unaligned one, noble would copy the whole of it.
    const sealed = xchacha20poly1305(this.#key.bytes, this.#nonce, associatedData).encrypt(
      plaintext,
    );
    out.set(sealed, at);
    return sealed.length;
  }

  open(
    index: NonceIndex,
    associatedData: Uint8Array,
    sealed: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number {
    if (sealed.length < tagBytes) return -1;
    writeIndex(this.#nonce, segmentIdBytes, index);
    const cipher = xchacha20poly1305(this.#key.bytes, this.#nonce, associatedData);
    const plaintext = opened(() => cipher.decrypt(sealed));
    if (plaintext === null) return -1;
    out.set(plaintext, at);
    return plaintext.length;
  }
}

function opened(decrypt: () => Uint8Array): Uint8Array | null {
  try {
    return decrypt();
  } catch {
    return null;
  }
}

/** Suite 2 in plain JavaScript, for where neither native way exists, and to check the others. */
export const nobleXchacha: AeadProvider = {
  name: 'noble',
  suite: suiteIds.xchacha20Poly1305,
  importKey(bytes: Uint8Array): AeadKey {
    const key = new HeldKey(bytes);
    return {
      suite: suiteIds.xchacha20Poly1305,
      segment: (id) => new NobleSegment(key, id),
      destroy: () => key.release(),
    };
  },
};
