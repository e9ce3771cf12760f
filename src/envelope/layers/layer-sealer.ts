import { StreamSealer, wipe } from '../../crypto/stream/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import { layerHeader, layerObjectKey } from './layer-header.ts';

const saltBytes = 32;

export interface LayerSealOptions {
  /** The DEK, 32 bytes; the caller wipes it. */
  readonly key: Uint8Array;
  /** The DEK's id, 16 bytes. */
  readonly keyId: Uint8Array;
  /** `sha256:…` of the tar that is to be sealed, checked to be one before. */
  readonly diffId: string;
  readonly entropy: Entropy;
}

/**
 * Seals one layer. The file is the header, then all that `update` and `final` give, in order.
 *
 * Each sealer draws a salt of its own: what is sealed again after an interruption is sealed under
 * another key, so no key and counter ever seal two different chunks.
 */
export interface LayerSealer {
  /** 64 bytes. */
  readonly header: Uint8Array;
  /** Bytes of the tar taken in so far. */
  readonly plainBytes: number;
  /** Chunks given out so far; after `final`, all. */
  readonly chunkCount: number;
  /** The chunks that are complete now; holds one back. `plain` is the caller's again. */
  update(plain: Uint8Array): Uint8Array[];
  /** The last chunk. Wipes what was held. */
  final(): Uint8Array[];
  /** Wipes what was held: for a layer that is given up. */
  close(): void;
}

export function createLayerSealer({ key, keyId, diffId, entropy }: LayerSealOptions): LayerSealer {
  const header = layerHeader(draw(entropy, saltBytes), keyId);
  const objectKey = layerObjectKey(key, header, diffId);
  try {
    return new SealedLayer(header, objectKey);
  } finally {
    wipe(objectKey);
  }
}

class SealedLayer extends StreamSealer implements LayerSealer {
  readonly header: Uint8Array;

  constructor(header: Uint8Array, objectKey: Uint8Array) {
    super(objectKey);
    this.header = header;
  }
}
