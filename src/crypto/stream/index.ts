/**
 * crypto/stream: streams sealed chunk by chunk, and the few functions that whoever seals them needs.
 *
 * A door of its own, for threads: behind the other one are the providers of all suites, which a
 * thread that uses none of them would load all the same.
 */
export { equalBytes, wipe } from '../bytes.ts';
export { hkdfSha256 } from '../key-derivation.ts';
export { keyBytes } from '../suite.ts';
export { ChunkedAead, sealedChunkBytes } from './chunked-aead.ts';
export { StreamSealer } from './stream-sealer.ts';
export { streamShape, type StreamShape } from './stream-sizes.ts';
