import { CheckpointSums } from './checkpoint-sums.ts';

const firstStrideBytes = 64 * 1024;

/**
 * How many bytes the messages of a lane have together, from memory alone. Those that were published
 * since the lane was opened are counted at checkpoints, and evenly spread between two of them. For
 * earlier ones it is their number times the mean of those that were read since; until one was read,
 * times the mean of those that were published since; else 0.
 */
export class SizeHistory {
  readonly #bytes: CheckpointSums;
  #strideBytes = firstStrideBytes;
  #readCount = 0;
  #readBytes = 0;

  /** `start`: the lane's tail when it was opened. */
  constructor(start: number) {
    this.#bytes = new CheckpointSums(start);
  }

  /** Messages were appended at the end. */
  appended(count: number, bytes: number): void {
    this.#bytes.append(count, bytes);
    if (this.#bytes.sumSinceLast < this.#strideBytes) return;
    if (this.#bytes.mark()) this.#strideBytes *= 2;
  }

  /** Stored messages were read. */
  read(base: number, count: number, bytes: number): void {
    if (base >= this.#bytes.start) return;
    this.#readCount += count;
    this.#readBytes += bytes;
  }

  /** Of the messages from `from` up to, but without, `to`. */
  bytesBetween(from: number, to: number): number {
    if (from >= to) return 0;
    const earlierCount = Math.max(0, Math.min(to, this.#bytes.start) - from);
    return Math.round(earlierCount * this.meanBytes + this.#bytes.at(to) - this.#bytes.at(from));
  }

  /** Of one message of which nothing is known. */
  get meanBytes(): number {
    if (this.#readCount > 0) return this.#readBytes / this.#readCount;
    const { start, end, endSum } = this.#bytes;
    return end > start ? endSum / (end - start) : 0;
  }
}
