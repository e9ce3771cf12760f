import { associatedData } from '../../crypto/index.ts';

/** What a version on a token sealed: format (1) ‖ IV (12) ‖ ciphertext ‖ tag (16). */
const format = 1;
const ivAt = 1;

/** NIST SP 800-38D 8.2.2: random, so at most 2^32 of them under one key. */
export const ivBytes = 12;
export const hsmTagBytes = 16;
const bodyAt: number = ivAt + ivBytes;

/** The version's name and the caller's associated data, as the token's GCM binds them. */
export function boundData(versionName: string, callers: Uint8Array): Uint8Array {
  return associatedData(['sealpost/kms/hsm/v1', versionName, callers]);
}

export function joinSealed(iv: Uint8Array, body: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(bodyAt + body.length);
  sealed[0] = format;
  sealed.set(iv, ivAt);
  sealed.set(body, bodyAt);
  return sealed;
}

/** Null for what no version on a token can have sealed. */
export function splitSealed(sealed: Uint8Array): { iv: Uint8Array; body: Uint8Array } | null {
  if (sealed[0] !== format || sealed.length < bodyAt + hsmTagBytes) return null;
  return { iv: sealed.slice(ivAt, bodyAt), body: sealed.slice(bodyAt) };
}
