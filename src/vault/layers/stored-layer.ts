import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import {
  layerHeaderBytes,
  type LayerReader,
  openLayer,
  verifyLayerIndex,
} from '../../envelope/layers/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { freeBytes } from '../../runtime/index.ts';
import type { LayerSecret } from './layer-intake.ts';
import {
  decodeLayerIndex,
  indexTampered,
  type LayerIndex,
  readLayerIndexFile,
} from './layer-index.ts';

/** A layer object, and the diff_id that it must be of. */
export interface StoredLayerPlace {
  readonly diffId: string;
  readonly dataPath: string;
  readonly indexPath: string;
}

/** log2 of a chunk's bytes. */
const chunkShift = 16;
const chunkBytes: number = 1 << chunkShift;
/** Chunks that are read from the disk at a time: about a mebibyte. */
const chunksAtOnce = 16;

/**
 * A stored layer whose index was authenticated, and whose content is, chunk by chunk, before any
 * of it is given out. `close` wipes what was opened.
 */
export class StoredLayer {
  readonly index: LayerIndex;
  readonly #file: number;
  readonly #reader: LayerReader;
  #sealed: Buffer = Buffer.alloc(0);
  #sealedFirst = 0;
  #sealedCount = 0;
  #chunk: Uint8Array = new Uint8Array();
  #chunkIndex = -1;

  /** @throws RpcError DATA_LOSS LAYER_TAMPERED unless both files are one object as it was sealed */
  static async open(place: StoredLayerPlace, secret: LayerSecret): Promise<StoredLayer> {
    const { signed, mac } = await readLayerIndexFile(place.indexPath).catch(asLoss);
    const file = openData(place.dataPath);
    try {
      const header = new Uint8Array(layerHeaderBytes);
      if (readSync(file, header, 0, layerHeaderBytes, 0) !== layerHeaderBytes) {
        throw indexTampered('the layer beside it is cut');
      }
      if (!verifyLayerIndex({ key: secret.key, header }, [signed], mac)) {
        throw indexTampered('its seal does not hold');
      }
      const index = decodeLayerIndex(signed);
      if (index.diffId !== place.diffId) throw indexTampered('it is of another layer');
      const { tarBytes: plainBytes, diffId } = index;
      const fileBytes = fstatSync(file).size;
      const reader = openLayer({ ...secret, diffId, header, fileBytes, plainBytes });
      if (reader.chunkCount !== index.chunkCount) throw indexTampered('it counts otherwise');
      return new StoredLayer(file, index, reader);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  private constructor(file: number, index: LayerIndex, reader: LayerReader) {
    this.#file = file;
    this.index = index;
    this.#reader = reader;
  }

  get chunkCount(): number {
    return this.#reader.chunkCount;
  }

  /** The bytes of a range of the tar, in pieces that hold until the next is asked for. */
  *read(offset: number, size: number): Generator<Uint8Array> {
    const end = offset + size;
    if (end > this.index.tarBytes) throw indexTampered('an entry reaches beyond the layer');
    for (let at = offset; at < end;) {
      const index = Math.floor(at / chunkBytes);
      const chunk = this.chunk(index);
      const from = at - index * chunkBytes;
      const piece = chunk.subarray(from, Math.min(chunk.length, from + end - at));
      yield piece;
      at += piece.length;
    }
  }

  /** One chunk of the tar; holds until the next is asked for. */
  chunk(index: number): Uint8Array {
    if (index === this.#chunkIndex) return this.#chunk;
    const sealed = this.#sealedChunk(index);
    this.#drop();
    this.#chunk = this.#reader.openChunk(index, sealed);
    this.#chunkIndex = index;
    return this.#chunk;
  }

  close(): void {
    this.#drop();
    closeSync(this.#file);
  }

  #drop(): void {
    this.#chunk.fill(0);
    freeBytes(this.#chunk);
    this.#chunk = new Uint8Array();
    this.#chunkIndex = -1;
  }

  #sealedChunk(index: number): Uint8Array {
    const isHere = index >= this.#sealedFirst && index < this.#sealedFirst + this.#sealedCount;
    if (!isHere) this.#readSealed(index);
    const start = this.#reader.place(this.#sealedFirst).at;
    const { at, bytes } = this.#reader.place(index);
    return this.#sealed.subarray(at - start, at - start + bytes);
  }

  #readSealed(first: number): void {
    const count = Math.min(chunksAtOnce, this.#reader.chunkCount - first);
    const start = this.#reader.place(first).at;
    const last = this.#reader.place(first + count - 1);
    const length = last.at + last.bytes - start;
    if (this.#sealed.length < length) this.#sealed = Buffer.alloc(length);
    this.#sealedCount = 0;
    for (let fill = 0; fill < length;) {
      const read = readSync(this.#file, this.#sealed, fill, length - fill, start + fill);
      if (read === 0) throw indexTampered('the layer beside it is cut');
      fill += read;
    }
    this.#sealedFirst = first;
    this.#sealedCount = count;
  }
}

function openData(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    return asLoss(error);
  }
}

/** A record says that the object is here: that it is not is the loss of it. */
function asLoss(error: unknown): never {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ELOOP') throw error;
  const text = 'A stored image layer is missing: deploy the image again.';
  throw new RpcError('DATA_LOSS', 'LAYER_MISSING', text, { cause: error });
}
