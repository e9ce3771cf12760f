/** Checkpoints that are kept; when there are more, every second one goes. */
const checkpointsMax = 128;
const firstStrideBytes = 64 * 1024;

/**
 * How many bytes the messages of a lane have together, from memory alone. Those that were published
 * since the lane was opened are counted at checkpoints, and evenly spread between two of them. For
 * earlier ones it is their number times the mean of those that were read since; until one was read,
 * times the mean of those that were published since; else 0.
 */
export class SizeHistory {
  readonly #start: number;
  /** Ascending; the first is the start. */
  readonly #sequences: number[];
  /** Bytes from the start up to each checkpoint. */
  readonly #sums: number[] = [0];
  #strideBytes = firstStrideBytes;
  #end: number;
  #endSum = 0;
  #readCount = 0;
  #readBytes = 0;

  /** `start`: the lane's tail when it was opened. */
  constructor(start: number) {
    this.#start = start;
    this.#sequences = [start];
    this.#end = start;
  }

  /** Messages were appended at the end. */
  appended(count: number, bytes: number): void {
    this.#end += count;
    this.#endSum += bytes;
    if (this.#endSum - this.#sums.at(-1)! < this.#strideBytes) return;
    this.#sequences.push(this.#end);
    this.#sums.push(this.#endSum);
    if (this.#sequences.length > checkpointsMax) this.#thinOut();
  }

  /** Stored messages were read. */
  read(base: number, count: number, bytes: number): void {
    if (base >= this.#start) return;
    this.#readCount += count;
    this.#readBytes += bytes;
  }

  /** Of the messages from `from` up to, but without, `to`. */
  bytesBetween(from: number, to: number): number {
    if (from >= to) return 0;
    const earlierCount = Math.max(0, Math.min(to, this.#start) - from);
    return Math.round(earlierCount * this.meanBytes + this.#sumAt(to) - this.#sumAt(from));
  }

  /** Of one message of which nothing is known. */
  get meanBytes(): number {
    if (this.#readCount > 0) return this.#readBytes / this.#readCount;
    return this.#end > this.#start ? this.#endSum / (this.#end - this.#start) : 0;
  }

  #sumAt(sequence: number): number {
    if (sequence <= this.#start) return 0;
    if (sequence >= this.#end) return this.#endSum;
    const after = this.#indexAfter(sequence);
    const [first, firstSum] = [this.#sequences[after - 1]!, this.#sums[after - 1]!];
    const [next, nextSum] = [
      this.#sequences[after] ?? this.#end,
      this.#sums[after] ?? this.#endSum,
    ];
    return firstSum + ((sequence - first) / (next - first)) * (nextSum - firstSum);
  }

  /** Index of the first checkpoint above `sequence`. */
  #indexAfter(sequence: number): number {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sequences[middle]! > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #thinOut(): void {
    const keptCount = Math.ceil(this.#sequences.length / 2);
    for (let i = 0; i < keptCount; i++) {
      this.#sequences[i] = this.#sequences[2 * i]!;
      this.#sums[i] = this.#sums[2 * i]!;
    }
    this.#sequences.length = keptCount;
    this.#sums.length = keptCount;
    this.#strideBytes *= 2;
  }
}
