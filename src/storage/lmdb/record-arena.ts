import type { Mirror } from './commit-queue.ts';

const slabBytes = 8 * 1024 * 1024;

/**
 * Memory for the records of one transaction, used again for the next. Records of a hundred
 * kilobytes that live for a millisecond would make the collector run for the memory alone.
 */
export class RecordArena implements Mirror {
  #slab: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  #at = 0;

  /** Uninitialised; valid until the transaction is over. */
  take(bytes: number): Buffer {
    if (this.#at + bytes > slabBytes) return Buffer.allocUnsafeSlow(bytes);
    this.#at += bytes;
    return this.#slab.subarray(this.#at - bytes, this.#at);
  }

  landed(): void {
    this.#at = 0;
  }

  /** The writer may still hold on to what it could not write: leave that memory to it. */
  forget(): void {
    this.#slab = Buffer.allocUnsafeSlow(slabBytes);
    this.#at = 0;
  }
}
