import {
  associatedData,
  hkdfSha256,
  keyBytes,
  openRecord,
  sealRecord,
  wipe,
} from '../../crypto/index.ts';
import type { Entropy } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { LayerKeyPlace } from './layer-key.ts';

const domain = 'vault/config/v1';
const noSalt = new Uint8Array(0);

/** Under which DEK an image's config is sealed, and of which image it is. */
export interface ImageConfigPlace {
  /** The DEK, 32 bytes; the caller wipes it. */
  readonly key: Uint8Array;
  /** The DEK's id, 16 bytes. */
  readonly keyId: Uint8Array;
  readonly place: Pick<LayerKeyPlace, 'project' | 'serviceUid' | 'key'>;
  /** `sha256:…` of the image's manifest. */
  readonly manifestDigest: string;
}

/** Seals an image's config, which holds its environment, to its place and manifest. */
export function sealImageConfig(
  at: ImageConfigPlace,
  plain: Uint8Array,
  entropy: Entropy,
): Uint8Array {
  const key = configKey(at.key);
  try {
    return sealRecord(key, imageConfigAssociatedData(at), plain, entropy);
  } finally {
    wipe(key);
  }
}

/** @throws RpcError DATA_LOSS IMAGE_CONFIG_TAMPERED for another image, place or DEK, or any change */
export function openImageConfig(at: ImageConfigPlace, sealed: Uint8Array): Uint8Array {
  const key = configKey(at.key);
  try {
    const plain = openRecord(key, imageConfigAssociatedData(at), sealed);
    if (plain !== null) return plain;
    const text = `The stored config of image ${at.manifestDigest} was changed, or may not be opened here.`;
    throw new RpcError('DATA_LOSS', 'IMAGE_CONFIG_TAMPERED', text);
  } finally {
    wipe(key);
  }
}

/** Layout in docs/layer-format.md. */
export function imageConfigAssociatedData(at: ImageConfigPlace): Uint8Array {
  const { project, serviceUid, key } = at.place;
  return associatedData([domain, project, serviceUid, key ?? '', at.keyId, at.manifestDigest]);
}

function configKey(key: Uint8Array): Uint8Array {
  return hkdfSha256(key, noSalt, new TextEncoder().encode(domain), keyBytes);
}
