import { createHmac } from 'node:crypto';
import { equalBytes, hkdfSha256, keyBytes, wipe } from '../../crypto/stream/index.ts';
import { diffIdBytes, layerIndexKey } from './layer-header.ts';

/** Bytes of the MAC at the end of an index file. */
export const layerIndexMacBytes = 32;

const nameInfo = new TextEncoder().encode('vault/object/v1');
const noSalt = new Uint8Array(0);

/** What binds an index to its layer object: the DEK, and the object's 64-byte header. */
export interface LayerIndexKey {
  readonly key: Uint8Array;
  readonly header: Uint8Array;
}

/** HMAC-SHA256 of an index, given in parts: of all of the file that comes before the MAC. */
export function layerIndexMac(
  { key, header }: LayerIndexKey,
  parts: Iterable<Uint8Array>,
): Uint8Array {
  const macKey = layerIndexKey(key, header);
  try {
    const mac = createHmac('sha256', macKey);
    for (const part of parts) mac.update(part);
    return new Uint8Array(mac.digest());
  } finally {
    wipe(macKey);
  }
}

/** Whether `mac` is the one of these parts, in constant time. Look at nothing of them before. */
export function verifyLayerIndex(
  index: LayerIndexKey,
  parts: Iterable<Uint8Array>,
  mac: Uint8Array,
): boolean {
  return equalBytes(layerIndexMac(index, parts), mac);
}

/**
 * 64 hex digits that name a layer in the object store: the same for the same layer under the same
 * DEK, and telling nothing of the layer to who has not the DEK.
 */
export function layerObjectName(key: Uint8Array, diffId: string): string {
  const nameKey = hkdfSha256(key, noSalt, nameInfo, keyBytes);
  try {
    return createHmac('sha256', nameKey).update(diffIdBytes(diffId)).digest('hex');
  } finally {
    wipe(nameKey);
  }
}
