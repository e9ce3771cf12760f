import { gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * docs/layer-format.md once more, from other parts than the program's: what a golden layer is made
 * of must be what that page says, not only what the program repeats.
 */
export function layerFileOf(input: {
  readonly dek: Uint8Array;
  readonly keyId: Uint8Array;
  readonly diffId: Uint8Array;
  readonly salt: Uint8Array;
  readonly plain: Uint8Array;
}): Uint8Array {
  const { dek, keyId, diffId, salt, plain } = input;
  const fixed = Uint8Array.of(0x50, 0x53, 0x56, 0x4c, 0x54, 0x31, 0, 1, 1, 16, 0, 0, 0, 0, 0, 0);
  const info = Buffer.concat([Buffer.from('vault/layer/v1'), fixed, keyId, diffId]);
  const key = hkdf(sha256, dek, salt, info, 32);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < plain.length; at += 65_536) {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(at / 65_536, 7);
    nonce[11] = at + 65_536 >= plain.length ? 1 : 0;
    chunks.push(gcm(key, nonce).encrypt(plain.subarray(at, at + 65_536)));
  }
  return Buffer.concat([fixed, salt, keyId, ...chunks]);
}

export function indexMacOf(dek: Uint8Array, header: Uint8Array, body: Uint8Array): Uint8Array {
  const info = Buffer.concat([Buffer.from('vault/index/v1'), header]);
  return hmac(sha256, hkdf(sha256, dek, header.subarray(16, 48), info, 32), body);
}

export function objectNameOf(dek: Uint8Array, diffId: Uint8Array): Uint8Array {
  const key = hkdf(sha256, dek, new Uint8Array(0), Buffer.from('vault/object/v1'), 32);
  return hmac(sha256, key, diffId);
}

/** The tar of every golden layer: no tar at all, but bytes of which no two chunks are alike. */
export function layerPlain(size: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff);
}
