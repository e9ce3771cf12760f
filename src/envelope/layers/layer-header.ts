import { equalBytes, hkdfSha256, keyBytes } from '../../crypto/stream/index.ts';
import { assert } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';

/** Bytes of a layer object before its first chunk (docs/layer-format.md). */
export const layerHeaderBytes = 64;
export const layerKeyIdBytes = 16;

const fixedBytes = 16;
const saltAt: number = fixedBytes;
const keyIdAt = 48;
const diffIdPattern = /^sha256:[0-9a-f]{64}$/u;

/** Magic, version 1, algorithm 1 (AES-256-GCM), log2 of the chunk size 16, six zeros. */
const fixedPart: Uint8Array = Uint8Array.of(...utf8('PSVLT1\0'), 1, 1, 16, 0, 0, 0, 0, 0, 0);

/** A layer that is not what was sealed: nothing of it was given out. */
export function layerTampered(problem: string): RpcError {
  return new RpcError(
    'DATA_LOSS',
    'LAYER_TAMPERED',
    `A stored image layer was changed: ${problem}.`,
  );
}

export function layerHeader(salt: Uint8Array, keyId: Uint8Array): Uint8Array {
  assert(keyId.length === layerKeyIdBytes, 'the id of a DEK has 16 bytes');
  assert(salt.length === keyIdAt - saltAt, 'the salt of a layer has 32 bytes');
  const header = new Uint8Array(layerHeaderBytes);
  header.set(fixedPart);
  header.set(salt, saltAt);
  header.set(keyId, keyIdAt);
  return header;
}

/** Throws DATA_LOSS unless this program wrote such headers, under the DEK with this id. */
export function checkLayerHeader(header: Uint8Array, keyId: Uint8Array): void {
  if (header.length !== layerHeaderBytes) throw layerTampered('its header is cut');
  if (!equalBytes(header.subarray(0, fixedBytes), fixedPart)) {
    throw layerTampered('its header is of no known format');
  }
  if (!equalBytes(header.subarray(keyIdAt), keyId)) {
    throw layerTampered('another data encryption key sealed it');
  }
}

/** The key of one layer object alone; the whole header is in it. The caller wipes it. */
export function layerObjectKey(key: Uint8Array, header: Uint8Array, diffId: string): Uint8Array {
  const info = [utf8('vault/layer/v1'), header.subarray(0, fixedBytes), header.subarray(keyIdAt)];
  return headerKey(key, header, [...info, diffIdBytes(diffId)]);
}

/** The key of the MAC over the object's index. The caller wipes it. */
export function layerIndexKey(key: Uint8Array, header: Uint8Array): Uint8Array {
  assert(header.length === layerHeaderBytes, 'the header of a layer has 64 bytes');
  return headerKey(key, header, [utf8('vault/index/v1'), header]);
}

/** The 32 bytes of a `sha256:…` digest, which the caller has checked to be one. */
export function diffIdBytes(diffId: string): Uint8Array {
  assert(diffIdPattern.test(diffId), 'a diff_id is sha256: and 64 hex digits');
  return new Uint8Array(Buffer.from(diffId.slice('sha256:'.length), 'hex'));
}

function headerKey(key: Uint8Array, header: Uint8Array, info: readonly Uint8Array[]): Uint8Array {
  assert(key.length === keyBytes, 'a DEK has 32 bytes');
  const salt = header.subarray(saltAt, keyIdAt);
  return hkdfSha256(key, salt, Buffer.concat(info), keyBytes);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
