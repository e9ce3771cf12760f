import { tagBytes } from '../suite.ts';
import { sealedChunkBytes, streamChunksMax } from './chunked-aead.ts';

/** How a sealed stream of a certain length is made up. */
export interface StreamShape {
  readonly plainBytes: number;
  readonly chunkCount: number;
  /** Of the last chunk, sealed. */
  readonly lastSealedBytes: number;
}

/**
 * What `sealedBytes` can only be: an empty stream is one empty chunk, and every other ends with a
 * chunk that is not empty. Null if no stream has that length.
 */
export function streamShape(sealedBytes: number): StreamShape | null {
  const chunkCount = Math.ceil(sealedBytes / sealedChunkBytes);
  if (!Number.isSafeInteger(sealedBytes) || chunkCount > streamChunksMax) return null;
  const lastSealedBytes = sealedBytes - (chunkCount - 1) * sealedChunkBytes;
  const isEmpty = sealedBytes === tagBytes;
  if (chunkCount < 1 || (lastSealedBytes <= tagBytes && !isEmpty)) return null;
  return { plainBytes: sealedBytes - chunkCount * tagBytes, chunkCount, lastSealedBytes };
}
