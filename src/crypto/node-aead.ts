import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { assert } from '../runtime/index.ts';
import { wipe } from './bytes.ts';
import { HeldKey } from './key-memory.ts';
import { scratchNonce, writeIndex } from './nonce.ts';
import { xaesDerivation, xchachaSubkey } from './subkey.ts';
import {
  type AeadKey,
  type AeadProvider,
  type NonceIndex,
  type SegmentCipher,
  segmentIdBytes,
  suiteIds,
  tagBytes,
} from './suite.ts';

/** Always given: without it OpenSSL takes GCM tags as short as 4 bytes when it opens. */
const options = { authTagLength: tagBytes };

/** What a segment's cipher needs of its key: a subkey while it lives. */
export interface Subkey {
  readonly algorithm: 'aes-256-gcm' | 'chacha20-poly1305';
  readonly key: KeyObject;
  readonly owner: { isAlive: boolean };
}

/**
 * One ordinary 12-byte-nonce AEAD for each message, under the segment's subkey as a KeyObject (a
 * raw key costs five times as much per call on Node 24).
 */
export class NodeSegment implements SegmentCipher {
  readonly #subkey: Subkey;
  readonly #nonce: Uint8Array;

  /** `nonce` has 12 bytes; its last 8 are the index. */
  constructor(subkey: Subkey, nonce: Uint8Array) {
    this.#subkey = subkey;
    this.#nonce = nonce;
  }

  seal(
    index: NonceIndex,
    associatedData: Uint8Array,
    plaintext: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number {
    const { algorithm, key } = this.#ready(index);
    const cipher = createCipheriv(algorithm as 'aes-256-gcm', key, this.#nonce, options);
    cipher.setAAD(associatedData);
    out.set(cipher.update(plaintext), at);
    cipher.final();
    out.set(cipher.getAuthTag(), at + plaintext.length);
    return plaintext.length + tagBytes;
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
    const { algorithm, key } = this.#ready(index);
    const decipher = createDecipheriv(algorithm as 'aes-256-gcm', key, this.#nonce, options);
    decipher.setAAD(associatedData);
    decipher.setAuthTag(sealed.subarray(length));
    const unverified = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      wipe(unverified);
      return -1;
    }
    out.set(unverified, at);
    return length;
  }

  #ready(index: NonceIndex): Subkey {
    assert(this.#subkey.owner.isAlive, 'an AEAD key was used after it was destroyed');
    writeIndex(this.#nonce, 4, index);
    return this.#subkey;
  }
}

/** Suite 2 by node:crypto: HChaCha20 gives the segment's subkey, OpenSSL does the rest. */
export const nodeXchacha: AeadProvider = {
  name: 'node',
  suite: suiteIds.xchacha20Poly1305,
  importKey(bytes: Uint8Array): AeadKey {
    const held = new HeldKey(bytes);
    const owner = { isAlive: true };
    return {
      suite: suiteIds.xchacha20Poly1305,
      segment(id) {
        const nonce = scratchNonce(id).fill(0, 0, segmentIdBytes).subarray(12);
        return new NodeSegment(
          { algorithm: 'chacha20-poly1305', key: xchachaSubkey(held.bytes, id), owner },
          nonce,
        );
      },
      destroy() {
        owner.isAlive = false;
        held.release();
      },
    };
  },
};

/** Suite 1, XAES-256-GCM (C2SP), from approved parts only: the one suite in FIPS mode. */
export const nodeXaes: AeadProvider = {
  name: 'node',
  suite: suiteIds.xaes256Gcm,
  importKey(bytes: Uint8Array): AeadKey {
    const owner = { isAlive: true };
    const derivation = xaesDerivation(bytes);
    return {
      suite: suiteIds.xaes256Gcm,
      segment(id) {
        assert(owner.isAlive, 'an AEAD key was used after it was destroyed');
        const nonce = scratchNonce(id).subarray(12);
        return new NodeSegment(
          { algorithm: 'aes-256-gcm', key: derivation.subkey(id.subarray(0, 12)), owner },
          nonce,
        );
      },
      destroy() {
        if (!owner.isAlive) return;
        owner.isAlive = false;
        derivation.destroy();
      },
    };
  },
};
