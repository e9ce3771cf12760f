import { LayerRefusal } from './layer-entry.ts';

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const blockTypeRle = 1;
const dictionaryIdBytes = [0, 1, 2, 4];
const contentSizeBytes = [0, 2, 4, 8];

/**
 * Splits a zstd stream into its frames (RFC 8878, 3.1), passing over skippable ones. Node decodes
 * only the first frame of a stream; builders write one for each part, and tables in skippable ones.
 */
export class ZstdFrames {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next frame's first four bytes; null at the end of the stream. */
  async next(): Promise<Uint8Array | null> {
    while (await this.#fill()) {
      const magic = await this.#take(4);
      const word = view(magic).getUint32(0, true);
      if (word === frameMagic) return magic;
      if (word >>> 4 !== skippableMagic >>> 4) {
        throw new LayerRefusal('something that is no zstd frame follows one');
      }
      const length = view(await this.#take(4)).getUint32(0, true);
      for await (const _ of this.#pass(length));
    }
    return null;
  }

  /** All of a frame, whose first four bytes `next` gave. */
  async *frame(magic: Uint8Array): AsyncGenerator<Uint8Array> {
    yield magic;
    const descriptor = await this.#take(1);
    yield descriptor;
    const bits = descriptor[0]!;
    const isSingleSegment = (bits & 0x20) !== 0;
    const sizeFlag = bits >>> 6;
    const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : contentSizeBytes[sizeFlag]!;
    yield await this.#take((isSingleSegment ? 0 : 1) + dictionaryIdBytes[bits & 3]! + sizeBytes);
    for (let isLast = false; !isLast;) {
      const header = await this.#take(3);
      yield header;
      const word = header[0]! | (header[1]! << 8) | (header[2]! << 16);
      isLast = (word & 1) !== 0;
      yield* this.#pass(((word >>> 1) & 3) === blockTypeRle ? 1 : word >>> 3);
    }
    if ((bits & 0x04) !== 0) yield await this.#take(4);
  }

  /** So many bytes, in pieces as they come. */
  async *#pass(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (!(await this.#fill())) throw cut();
      const piece = this.#chunk.subarray(this.#at, this.#at + left);
      this.#at += piece.length;
      left -= piece.length;
      yield piece;
    }
  }

  async #take(length: number): Promise<Uint8Array> {
    const taken = new Uint8Array(length);
    let fill = 0;
    for await (const piece of this.#pass(length)) {
      taken.set(piece, fill);
      fill += piece.length;
    }
    return taken;
  }

  /** Whether there is a byte to read. */
  async #fill(): Promise<boolean> {
    while (this.#at === this.#chunk.length) {
      const { done, value } = await this.#source.next();
      if (done === true) return false;
      this.#chunk = value;
      this.#at = 0;
    }
    return true;
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function cut(): LayerRefusal {
  return new LayerRefusal('its zstd stream is cut');
}
