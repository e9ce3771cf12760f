import { equalBytes, hkdfSha256, keyBytes } from '../../crypto/index.ts';

/** The root key in the clear, and the id that was drawn with it. The caller wipes `bytes`. */
export interface PlainRootKey {
  /** 32 hexadecimal digits; no secret. */
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** File: magic line ‖ id (16) ‖ key (32) ‖ check (32). The check tells damage from a wrong key. */
const magic: Uint8Array = new TextEncoder().encode('sealpost root key v1\n');
export const rootIdBytes = 16;
const checkBytes = 32;
const idAt: number = magic.length;
const keyAt: number = idAt + rootIdBytes;
const checkAt: number = keyAt + keyBytes;
const fileBytes: number = checkAt + checkBytes;

/** The seal of source `file`: the key as it is, protected by the mode of its file alone. */
export function composeRootKeyFile({ id, bytes }: PlainRootKey): Uint8Array {
  const content = new Uint8Array(fileBytes);
  content.set(magic);
  content.set(Buffer.from(id, 'hex'), idAt);
  content.set(bytes, keyAt);
  content.set(checkOf({ id, bytes }), checkAt);
  return content;
}

/** Null if it is damaged, or another seal. */
export function parseRootKeyFile(content: Uint8Array): PlainRootKey | null {
  if (content.length !== fileBytes) return null;
  if (!equalBytes(content.subarray(0, idAt), magic)) return null;
  const id = Buffer.from(content.subarray(idAt, keyAt)).toString('hex');
  const bytes = content.slice(keyAt, checkAt);
  return equalBytes(checkOf({ id, bytes }), content.subarray(checkAt)) ? { id, bytes } : null;
}

/** 32 bytes that only this key with this id has; tells nothing of the key. */
export function checkOf({ id, bytes }: PlainRootKey): Uint8Array {
  const info = new TextEncoder().encode('sealpost/root-key/check/v1');
  return hkdfSha256(bytes, new Uint8Array(Buffer.from(id, 'hex')), info, checkBytes);
}
