import { ChunkedAead, sealedChunkBytes, streamShape, wipe } from '../../crypto/stream/index.ts';
import { assert } from '../../runtime/index.ts';
import {
  checkLayerHeader,
  layerHeaderBytes,
  layerObjectKey,
  layerTampered,
} from './layer-header.ts';

export interface LayerOpenOptions {
  /** The DEK, 32 bytes; the caller wipes it. */
  readonly key: Uint8Array;
  /** The DEK's id, 16 bytes. */
  readonly keyId: Uint8Array;
  /** `sha256:…` that the layer must be, from the image's config. */
  readonly diffId: string;
  /** The file's first 64 bytes. */
  readonly header: Uint8Array;
  /** The file's size. */
  readonly fileBytes: number;
  /** The tar's size as the authenticated index has it: any other is refused before a byte is read. */
  readonly plainBytes?: number;
}

/** Chunk `i` lies at `64 + i * 65,552` and takes 65,552 bytes; the last one takes what is left. */
export interface LayerReader {
  /** Of the tar. Holds once the last chunk was opened, or at once where the index agreed. */
  readonly plainBytes: number;
  /** At least 1: an empty layer has one empty chunk. */
  readonly chunkCount: number;
  /** Where the sealed chunk is in the file, and its bytes. */
  place(index: number): { readonly at: number; readonly bytes: number };
  /**
   * The chunk's plaintext, at byte `index * 65,536` of the tar; the caller's own.
   *
   * @throws RpcError DATA_LOSS LAYER_TAMPERED, with nothing given out
   */
  openChunk(index: number, sealed: Uint8Array): Uint8Array;
}

/** @throws RpcError DATA_LOSS LAYER_TAMPERED if header or size are not those of such a layer */
export function openLayer(options: LayerOpenOptions): LayerReader {
  const { key, keyId, diffId, header, fileBytes } = options;
  checkLayerHeader(header, keyId);
  const shape = streamShape(fileBytes - layerHeaderBytes);
  if (shape === null) throw layerTampered('its size fits no layer');
  if (options.plainBytes !== undefined && options.plainBytes !== shape.plainBytes) {
    throw layerTampered('its size is not the one that was sealed');
  }
  const objectKey = layerObjectKey(key, header, diffId);
  const aead = new ChunkedAead(objectKey);
  wipe(objectKey);
  const { plainBytes, chunkCount, lastSealedBytes } = shape;
  const place = (index: number): { at: number; bytes: number } => {
    assert(Number.isInteger(index) && index >= 0 && index < chunkCount, 'no such chunk');
    const bytes = index === chunkCount - 1 ? lastSealedBytes : sealedChunkBytes;
    return { at: layerHeaderBytes + index * sealedChunkBytes, bytes };
  };
  const openChunk = (index: number, sealed: Uint8Array): Uint8Array => {
    const isWhole = sealed.length === place(index).bytes;
    const plain = isWhole ? aead.open(index, index === chunkCount - 1, sealed) : null;
    if (plain === null) throw layerTampered(`its chunk ${index} does not open`);
    return plain;
  };
  return { plainBytes, chunkCount, place, openChunk };
}
