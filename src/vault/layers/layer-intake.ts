import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync, writevSync } from 'node:fs';
import { createLayerSealer, layerIndexMac, type LayerSealer } from '../../envelope/layers/index.ts';
import { assert, type Entropy, freeBytes } from '../../runtime/index.ts';
import { decompressed } from './layer-decompression.ts';
import { LayerIndexWriter } from './layer-index.ts';
import { type LayerLimits, LayerRefusal } from './layer-entry.ts';
import { TarReader } from './tar-reader.ts';

/** The DEK of an import, and its id. */
export interface LayerSecret {
  readonly key: Uint8Array;
  readonly keyId: Uint8Array;
}

/** What a blob must be. */
export interface ExpectedLayer {
  /** `sha256:…` or `sha512:…` of the blob as it is fetched. */
  readonly digest: string;
  /** Of the blob, bytes. */
  readonly size: number;
  /** `sha256:…` of the tar. */
  readonly diffId: string;
}

export interface TakenLayer {
  readonly tarBytes: number;
  readonly entries: number;
}

/** Where a sealed layer is written: new files, which the caller publishes or removes. */
export interface LayerTarget {
  readonly dataPath: string;
  readonly indexPath: string;
}

/** writev takes 1,024 parts at most. */
const partsAtOnce = 512;

const digestPattern = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/**
 * Takes one layer in: checks the blob against its digest and size, decompresses it, checks the tar
 * against its diff_id and the rules, and writes it sealed, with its index. Holds a chunk or two: a
 * piece of `source` need hold only until the next is asked for.
 *
 * @throws LayerRefusal for a layer that is not what it should be; the files are worth nothing then
 */
export async function takeLayer(
  source: AsyncIterable<Uint8Array>,
  expected: ExpectedLayer,
  target: LayerTarget,
  ports: { readonly secret: LayerSecret; readonly limits: LayerLimits; readonly entropy: Entropy },
): Promise<TakenLayer> {
  const { digest, diffId } = expected;
  assert(digestPattern.test(digest) && isDiffId(diffId), 'digests were looked at before');
  const { secret, limits, entropy } = ports;
  const sealer = createLayerSealer({ ...secret, diffId, entropy });
  const file = openSync(target.dataPath, 'wx', 0o600);
  try {
    const intake = new LayerIntake(sealer, file, limits);
    const blob = new CheckedBlob(source, expected);
    for await (const chunk of decompressed(blob)) intake.take(chunk, blob.bytes);
    const taken = intake.finish(diffId);
    writeIndex(target.indexPath, intake.index(diffId), secret, sealer.header);
    return taken;
  } finally {
    closeSync(file);
    sealer.close();
  }
}

/** Passes a blob on, and throws at its end, or before, if it is another than was expected. */
class CheckedBlob implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #expected: ExpectedLayer;
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>, expected: ExpectedLayer) {
    this.#source = source;
    this.#expected = expected;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { digest, size } = this.#expected;
    const hash = createHash(digest.slice(0, digest.indexOf(':')));
    for await (const chunk of this.#source) {
      this.bytes += chunk.length;
      if (this.bytes > size) throw new LayerRefusal('its blob is larger than its descriptor says');
      hash.update(chunk);
      yield chunk;
    }
    if (this.bytes < size) throw new LayerRefusal('its blob is smaller than its descriptor says');
    if (hexDigest(hash) !== digest.slice(digest.indexOf(':') + 1)) {
      throw new LayerRefusal('its blob does not have the digest of its descriptor');
    }
  }
}

/** The tar on its way: hashed, looked through, sealed, written. */
class LayerIntake {
  readonly #sealer: LayerSealer;
  readonly #file: number;
  readonly #limits: LayerLimits;
  readonly #hash = createHash('sha256');
  readonly #index: LayerIndexWriter;
  readonly #reader: TarReader;

  constructor(sealer: LayerSealer, file: number, limits: LayerLimits) {
    this.#sealer = sealer;
    this.#file = file;
    this.#limits = limits;
    this.#index = new LayerIndexWriter(limits.indexBytesMax);
    this.#reader = new TarReader(limits, (entry) => this.#index.add(entry));
    writeSync(file, sealer.header);
  }

  take(chunk: Uint8Array, blobBytes: number): void {
    const { tarBytesMax, ratioMax, ratioFreeBytes } = this.#limits;
    const bytes = this.#sealer.plainBytes + chunk.length;
    if (bytes > tarBytesMax) throw new LayerRefusal(`its tar is larger than ${tarBytesMax} bytes`);
    if (bytes > ratioFreeBytes && bytes > blobBytes * ratioMax) {
      throw new LayerRefusal(`its tar is more than ${ratioMax} times as large as its blob`);
    }
    this.#hash.update(chunk);
    this.#reader.push(chunk);
    this.#write(this.#sealer.update(chunk));
  }

  finish(diffId: string): TakenLayer {
    this.#reader.end();
    if (`sha256:${hexDigest(this.#hash)}` !== diffId) {
      throw new LayerRefusal('its tar does not have the diff_id of the config');
    }
    this.#write(this.#sealer.final());
    return { tarBytes: this.#sealer.plainBytes, entries: this.#index.count };
  }

  #write(sealed: readonly Uint8Array[]): void {
    writeAll(this.#file, sealed);
    for (const chunk of sealed) freeBytes(chunk);
  }

  index(diffId: string): Uint8Array[] {
    const { plainBytes: tarBytes, chunkCount } = this.#sealer;
    return this.#index.finish({ diffId, tarBytes, chunkCount });
  }
}

function writeIndex(
  path: string,
  lines: readonly Uint8Array[],
  { key }: LayerSecret,
  header: Uint8Array,
): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeAll(file, [...lines, layerIndexMac({ key, header }, lines)]);
  } finally {
    closeSync(file);
  }
}

/** Writes every byte, however little the system takes at a time. */
function writeAll(file: number, parts: readonly Uint8Array[]): void {
  for (let at = 0; at < parts.length; at += partsAtOnce) {
    const group = parts.slice(at, at + partsAtOnce);
    const bytes = group.reduce((sum, part) => sum + part.length, 0);
    const written = writevSync(file, group);
    if (written < bytes) writeRest(file, Buffer.concat(group).subarray(written));
  }
}

function writeRest(file: number, rest: Uint8Array): void {
  for (let at = 0; at < rest.length;) at += writeSync(file, rest, at);
}

/** Whether a config's diff_id is one that a layer can be sealed to. */
export function isDiffId(diffId: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(diffId);
}

function hexDigest(hash: Hash): string {
  return hash.digest('hex');
}
