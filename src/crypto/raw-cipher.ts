import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
} from 'node:crypto';
import { wipe } from './bytes.ts';

/**
 * Portable AES and HMAC, as other libraries speak them: for keys whose owner asked for just that.
 * Nothing of Sealpost's own is sealed with these.
 */
export type RawMode = 'GCM' | 'CBC' | 'CTR';

export interface RawInput {
  readonly mode: RawMode;
  /** 16 or 32 bytes; the caller wipes them. */
  readonly key: Uint8Array;
  /** 12 bytes for GCM, 16 for CBC and CTR (the first counter block). */
  readonly iv: Uint8Array;
  /** Of GCM alone. */
  readonly associatedData: Uint8Array;
  /** Of GCM 12 to 16; the others have none, 0. */
  readonly tagBytes: number;
}

export const rawBlockBytes = 16;

/** The ciphertext, of GCM with its tag at the end. CBC is not padded: whole blocks only. */
export function rawEncrypt(input: RawInput, plaintext: Uint8Array): Uint8Array {
  const { mode, iv, tagBytes } = input;
  const key = secretKey(input.key);
  const options = { authTagLength: tagBytes };
  if (mode !== 'GCM') {
    const cipher = createCipheriv(plainName(input), key, iv, options).setAutoPadding(false);
    return joined(cipher.update(plaintext), cipher.final());
  }
  const cipher = createCipheriv(gcmName(input), key, iv, options).setAAD(input.associatedData);
  const body = cipher.update(plaintext);
  cipher.final();
  return joined(body, cipher.getAuthTag());
}

/** Null if the tag does not fit, or what is to be whole blocks is none. */
export function rawDecrypt(input: RawInput, ciphertext: Uint8Array): Uint8Array | null {
  const { mode, iv, tagBytes } = input;
  if (mode === 'GCM') return gcmOpened(input, ciphertext);
  if (mode === 'CBC' && ciphertext.length % rawBlockBytes !== 0) return null;
  const options = { authTagLength: tagBytes };
  const decipher = createDecipheriv(plainName(input), secretKey(input.key), iv, options);
  decipher.setAutoPadding(false);
  return joined(decipher.update(ciphertext), decipher.final());
}

function gcmOpened(input: RawInput, ciphertext: Uint8Array): Uint8Array | null {
  const { iv, tagBytes, associatedData } = input;
  const length = ciphertext.length - tagBytes;
  if (length < 0) return null;
  const options = { authTagLength: tagBytes };
  const decipher = createDecipheriv(gcmName(input), secretKey(input.key), iv, options);
  decipher.setAAD(associatedData).setAuthTag(ciphertext.subarray(length));
  const unverified = decipher.update(ciphertext.subarray(0, length));
  try {
    decipher.final();
    return new Uint8Array(unverified);
  } catch {
    return null;
  } finally {
    wipe(unverified);
  }
}

export type MacHash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** HMAC (RFC 2104) of `data`, as long as the hash. */
export function hmac(hash: MacHash, key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac(hash, secretKey(key)).update(data).digest());
}

function secretKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes);
}

function gcmName({ key }: RawInput): 'aes-128-gcm' | 'aes-256-gcm' {
  return key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
}

/** Typed as one that takes the length of a tag: the option is given to every cipher. */
function plainName({ mode, key }: RawInput): 'aes-256-gcm' {
  return `aes-${key.length * 8}-${mode.toLowerCase()}` as 'aes-256-gcm';
}

/** In an allocation of its own: what a cipher returns may lie in Node's pool. */
function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  wipe(a);
  return bytes;
}
