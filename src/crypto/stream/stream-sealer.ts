import { assert } from '../../runtime/index.ts';
import { wipe } from '../bytes.ts';
import { ChunkedAead, streamChunkBytes } from './chunked-aead.ts';

/**
 * Cuts a plaintext of any length into sealed chunks. A chunk is held back until a byte follows it,
 * because only then it is known not to be the last.
 */
export class StreamSealer {
  readonly #aead: ChunkedAead;
  readonly #held: Uint8Array = new Uint8Array(streamChunkBytes);
  #heldBytes = 0;
  #chunkCount = 0;
  #plainBytes = 0;
  #isEnded = false;

  /** Copies `key` (32 bytes, of this stream alone); the caller wipes its own. */
  constructor(key: Uint8Array) {
    this.#aead = new ChunkedAead(key);
  }

  /** Bytes taken in so far. */
  get plainBytes(): number {
    return this.#plainBytes;
  }

  /** Chunks given out so far. */
  get chunkCount(): number {
    return this.#chunkCount;
  }

  /** The chunks that are complete now. `plain` is the caller's again when this returns. */
  update(plain: Uint8Array): Uint8Array[] {
    assert(!this.#isEnded, 'a sealed stream was written to after its end');
    const sealed: Uint8Array[] = [];
    this.#plainBytes += plain.length;
    for (let at = 0; at < plain.length;) {
      const left = plain.length - at;
      if (this.#heldBytes === streamChunkBytes) sealed.push(this.#sealHeld(false));
      if (this.#heldBytes === 0 && left > streamChunkBytes) {
        const chunk = plain.subarray(at, at + streamChunkBytes);
        sealed.push(this.#aead.seal(this.#chunkCount++, false, chunk));
        at += streamChunkBytes;
        continue;
      }
      const taken = Math.min(left, streamChunkBytes - this.#heldBytes);
      this.#held.set(plain.subarray(at, at + taken), this.#heldBytes);
      this.#heldBytes += taken;
      at += taken;
    }
    return sealed;
  }

  /** The last chunk; an empty one if nothing was written. Wipes what was held. */
  final(): Uint8Array[] {
    assert(!this.#isEnded, 'a sealed stream ends once');
    const sealed = [this.#sealHeld(true)];
    this.close();
    return sealed;
  }

  /** Wipes what was held: for a stream that is given up. */
  close(): void {
    this.#isEnded = true;
    wipe(this.#held);
  }

  #sealHeld(isLast: boolean): Uint8Array {
    const chunk = this.#held.subarray(0, this.#heldBytes);
    const sealed = this.#aead.seal(this.#chunkCount++, isLast, chunk);
    this.#heldBytes = 0;
    return sealed;
  }
}
