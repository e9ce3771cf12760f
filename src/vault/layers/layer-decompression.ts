import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { freeBytes } from '../../runtime/index.ts';
import { LayerRefusal } from './layer-entry.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** Bytes that a decompressor gives at a time. */
const chunkSize = 262_144;
const magicBytes = 4;

/**
 * The tar in a layer's blob. What it is compressed with is read from its first bytes: media types
 * are often wrong, and every runtime ignores them.
 *
 * Throws LayerRefusal for a stream that is broken, cut, or followed by something else; what
 * `source` throws comes through unchanged. Pieces hold only until the next is asked for.
 */
export async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const watched = new WatchedSource(source);
  const { magic, whole } = await peeked(watched);
  if (isGzip(magic)) yield* through(whole, createGunzip({ chunkSize }), watched, 'gzip');
  else if (isZstd(magic)) yield* unzstd(whole, watched);
  else yield* whole;
  if (!watched.isRead) throw new LayerRefusal('something follows its compressed stream');
}

async function* unzstd(
  whole: AsyncIterable<Uint8Array>,
  watched: WatchedSource,
): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames(whole);
  for (let magic = await frames.next(); magic !== null; magic = await frames.next()) {
    yield* through(frames.frame(magic), createZstdDecompress({ chunkSize }), watched, 'zstd');
  }
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  decoder: Transform,
  watched: WatchedSource,
  name: string,
): AsyncGenerator<Uint8Array> {
  const fed = feed(source, decoder);
  try {
    for await (const chunk of decoder as AsyncIterable<Uint8Array>) {
      yield chunk;
      freeLast(chunk);
    }
    await fed;
  } catch (error) {
    if (watched.failure !== null) throw watched.failure.error;
    if (error instanceof LayerRefusal) throw error;
    throw new LayerRefusal(`its ${name} stream is broken`);
  } finally {
    decoder.destroy();
    await fed;
  }
}

/** A decompressor fills one buffer after the other: with its last bytes, one is done with. */
function freeLast({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (byteOffset + byteLength === buffer.byteLength) freeBytes(new Uint8Array(buffer));
}

/** Asks for a piece only when the one before was used up. Never rejects: the decoder fails instead. */
async function feed(source: AsyncIterable<Uint8Array>, decoder: Transform): Promise<void> {
  let settle: (() => void) | null = null;
  decoder.on('close', () => settle?.());
  try {
    for await (const piece of source) {
      await new Promise<void>((resolve) => {
        settle = resolve;
        decoder.write(piece, () => resolve());
      });
      if (decoder.destroyed) return;
    }
    decoder.end();
  } catch (error) {
    decoder.destroy(error as Error);
  }
}

/** Knows what a source did, whoever reads it. */
class WatchedSource implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  isRead = false;
  failure: { readonly error: unknown } | null = null;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#source) yield chunk;
      this.isRead = true;
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}

/** The first bytes, and a source that still has them. */
async function peeked(
  source: AsyncIterable<Uint8Array>,
): Promise<{ magic: Uint8Array; whole: AsyncGenerator<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < magicBytes) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    // A copy: a piece holds only until the next is asked for.
    first.push(new Uint8Array(value));
    length += value.length;
  }
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => iterator };
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* first;
    yield* rest;
  }
  return { magic: Buffer.concat(first).subarray(0, magicBytes), whole: whole() };
}

function isGzip(magic: Uint8Array): boolean {
  return magic[0] === 0x1f && magic[1] === 0x8b;
}

function isZstd(magic: Uint8Array): boolean {
  if (magic.length < magicBytes) return false;
  const word = Buffer.from(magic).readUInt32LE(0);
  return word === 0xfd2fb528 || word >>> 4 === 0x184d2a5;
}
