import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { hchacha } from '@noble/ciphers/chacha.js';
import { wipe } from './bytes.ts';

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** "expand 32-byte k" (RFC 8439 2.3) as the words that noble's core expects. */
const sigma = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

function littleEndianWords(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(bytes.length / 4);
  new Uint8Array(words.buffer).set(bytes);
  return isLittleEndian ? words : words.map(swapped);
}

function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** Takes the bytes over: they are zeroed once OpenSSL has its copy. */
function toKeyObject(bytes: Uint8Array): KeyObject {
  const key = createSecretKey(bytes);
  wipe(bytes);
  return key;
}

/** HChaCha20(key, id) as a KeyObject: the subkey of XChaCha20 (draft-irtf-cfrg-xchacha 2.2, 2.3). */
export function xchachaSubkey(key: Uint8Array, id: Uint8Array): KeyObject {
  const keyWords = littleEndianWords(key);
  const subkey = new Uint32Array(8);
  hchacha(sigma, keyWords, littleEndianWords(id), subkey);
  const subkeyBytes = new Uint8Array((isLittleEndian ? subkey : subkey.map(swapped)).buffer);
  keyWords.fill(0);
  const keyObject = toKeyObject(subkeyBytes);
  subkey.fill(0);
  return keyObject;
}

/** K1 of CMAC (SP 800-38B 6.1) from AES_K(0^128): doubled in GF(2^128). */
function cmacSubkey(block: Uint8Array): Uint8Array {
  const doubled = new Uint8Array(16);
  let carry = 0;
  for (let i = 15; i >= 0; i--) {
    doubled[i] = (block[i]! << 1) | carry;
    carry = block[i]! >>> 7;
  }
  doubled[15] = doubled[15]! ^ (-carry & 0x87);
  return doubled;
}

/** The key derivation of one XAES-256-GCM key (C2SP XAES-256-GCM; SP 800-108r1 with CMAC). */
export interface XaesDerivation {
  /** The AES-256-GCM key for nonces that begin with `prefix` (12 bytes). */
  subkey(prefix: Uint8Array): KeyObject;
  destroy(): void;
}

/** One AES object and K1 are kept per key: setting AES up costs more than the derivation. */
export function xaesDerivation(key: Uint8Array): XaesDerivation {
  const keyObject = createSecretKey(key);
  const aes = createCipheriv('aes-256-ecb', keyObject, null).setAutoPadding(false);
  const zeroBlock = aes.update(new Uint8Array(16));
  const k1 = cmacSubkey(zeroBlock);
  wipe(zeroBlock);
  const blocks = new Uint8Array(32);
  return {
    subkey(prefix: Uint8Array): KeyObject {
      for (let counter = 1; counter <= 2; counter++) {
        const at = (counter - 1) * 16;
        blocks.set([0, counter, 0x58, 0], at);
        blocks.set(prefix, at + 4);
        for (let i = 0; i < 16; i++) blocks[at + i]! ^= k1[i]!;
      }
      return toKeyObject(aes.update(blocks));
    },
    destroy(): void {
      wipe(k1);
      wipe(blocks);
      aes.final();
    },
  };
}
