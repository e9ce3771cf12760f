import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { assert, freeBytes } from '../../runtime/index.ts';
import { wipe } from '../bytes.ts';
import { keyBytes, tagBytes } from '../suite.ts';

/** Plaintext bytes of every chunk but the last. */
export const streamChunkBytes = 65_536;
/** What a chunk of that size takes when it is sealed. */
export const sealedChunkBytes: number = streamChunkBytes + tagBytes;
/** Chunks of one stream: far below what AES-GCM allows one key, and exact as a number. */
export const streamChunksMax: number = 2 ** 32;

const nonceBytes = 12;
/** Always given: without it OpenSSL takes GCM tags as short as 4 bytes when it opens. */
const options = { authTagLength: tagBytes };

/**
 * AES-256-GCM over the chunks of one stream (STREAM, as in age): the nonce is the chunk's index in 11
 * big-endian bytes and a byte that is 1 for the last chunk alone, so that a chunk opens nowhere else
 * and no prefix of a stream passes for the whole.
 *
 * One key is for one stream: the same key and index must never seal two different chunks.
 */
export class ChunkedAead {
  readonly #key: KeyObject;
  readonly #nonce: Uint8Array = new Uint8Array(nonceBytes);
  readonly #nonceView: DataView = new DataView(this.#nonce.buffer);

  /** Copies `key` (32 bytes); the caller wipes its own. */
  constructor(key: Uint8Array) {
    assert(key.length === keyBytes, 'a stream key has 32 bytes');
    this.#key = createSecretKey(key);
  }

  /** Ciphertext and tag, in an allocation of their own; `plain` is at most a chunk. */
  seal(index: number, isLast: boolean, plain: Uint8Array): Uint8Array {
    assert(plain.length <= streamChunkBytes, 'a chunk is too large');
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonceOf(index, isLast), options);
    const sealed = Buffer.allocUnsafeSlow(plain.length + tagBytes);
    const text = cipher.update(plain);
    sealed.set(text);
    freeBytes(text);
    cipher.final();
    sealed.set(cipher.getAuthTag(), plain.length);
    return sealed;
  }

  /** The plaintext, verified; null if the chunk is not this one of this stream. */
  open(index: number, isLast: boolean, sealed: Uint8Array): Uint8Array | null {
    const length = sealed.length - tagBytes;
    if (length < 0 || length > streamChunkBytes) return null;
    const nonce = this.#nonceOf(index, isLast);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, options);
    decipher.setAuthTag(sealed.subarray(length));
    const unverified = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
      return unverified;
    } catch {
      wipe(unverified);
      return null;
    }
  }

  /** OpenSSL copies the nonce when a cipher is made: one buffer serves them all. */
  #nonceOf(index: number, isLast: boolean): Uint8Array {
    assert(index >= 0 && index < streamChunksMax, 'a stream has no such chunk');
    this.#nonceView.setUint32(7, index);
    this.#nonce[11] = isLast ? 1 : 0;
    return this.#nonce;
  }
}
