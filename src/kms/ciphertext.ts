import { fromBase64 } from './base64.ts';
import { keyUidBytes, versionUidBytes } from './keys/key-material.ts';

/**
 * The outer shape of Cloud KMS's ciphertexts, whose base64 begins with `CiQA`:
 *
 *   0x0a 0x24  0x00 ‖ key uid (16) ‖ version (u32be) ‖ version uid (15)
 *   0x12 len   0x00 ‖ sealed record          len: varint
 *
 * All before the sealed record is associated data of it, so every byte is bound.
 */
export interface CiphertextParts {
  readonly keyUid: Uint8Array;
  readonly version: number;
  readonly versionUid: Uint8Array;
  /** The 38 bytes of the first field, as they were read or will be written. */
  readonly header: Uint8Array;
  readonly sealed: Uint8Array;
}

const idField = 0x0a;
const dataField = 0x12;
const idBytes = 36;
const headerBytes: number = 2 + idBytes;
const uidAt = 3;
const versionAt: number = uidAt + keyUidBytes;
const versionUidAt: number = versionAt + 4;

/** The first field: which version of which key. Uids are base64, as stored. */
export function ciphertextHeader(keyUid: string, version: number, versionUid: string): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = idField;
  header[1] = idBytes;
  header.set(fromBase64(keyUid), uidAt);
  new DataView(header.buffer).setUint32(versionAt, version);
  header.set(fromBase64(versionUid), versionUidAt);
  return header;
}

export function joinCiphertext(header: Uint8Array, sealed: Uint8Array): Uint8Array {
  const length = varint(sealed.length + 1);
  const ciphertext = new Uint8Array(headerBytes + 1 + length.length + 1 + sealed.length);
  ciphertext.set(header);
  ciphertext[headerBytes] = dataField;
  ciphertext.set(length, headerBytes + 1);
  ciphertext.set(sealed, ciphertext.length - sealed.length);
  return ciphertext;
}

/** Null unless `bytes` are exactly what `joinCiphertext` gives for their parts. */
export function splitCiphertext(bytes: Uint8Array): CiphertextParts | null {
  const hasHeader =
    bytes.length > headerBytes + 2 &&
    bytes[0] === idField &&
    bytes[1] === idBytes &&
    bytes[2] === 0 &&
    bytes[headerBytes] === dataField;
  if (!hasHeader) return null;
  const sealed = sealedPart(bytes);
  if (sealed === null) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    keyUid: bytes.subarray(uidAt, versionAt),
    version: view.getUint32(versionAt),
    versionUid: bytes.subarray(versionUidAt, versionUidAt + versionUidBytes),
    header: bytes.subarray(0, headerBytes),
    sealed,
  };
}

/** Only the one shortest length that fits the bytes there are: no second spelling is accepted. */
function sealedPart(bytes: Uint8Array): Uint8Array | null {
  for (let lengthBytes = 1; lengthBytes <= 3; lengthBytes++) {
    const dataAt = headerBytes + 1 + lengthBytes;
    const length = varint(bytes.length - dataAt);
    if (length.length !== lengthBytes) continue;
    const isExact = length.every((byte, i) => bytes[headerBytes + 1 + i] === byte);
    if (isExact && bytes[dataAt] === 0) return bytes.subarray(dataAt + 1);
  }
  return null;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = Math.max(0, value);
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
