/** Checkpoints that are kept; when there are more, every second one goes. */
export const checkpointsMax = 128;

/**
 * A sum over the messages of a lane since some beginning, known at checkpoints and evenly spread
 * between two of them. When a checkpoint is due is for its owner to say.
 */
export class CheckpointSums {
  readonly start: number;
  /** Ascending; the first is the start. */
  readonly #sequences: number[];
  /** From the start up to each checkpoint. */
  readonly #sums: number[] = [0];
  #end: number;
  #endSum = 0;

  constructor(start: number) {
    this.start = start;
    this.#sequences = [start];
    this.#end = start;
  }

  get end(): number {
    return this.#end;
  }

  get endSum(): number {
    return this.#endSum;
  }

  /** Messages since the last checkpoint. */
  get countSinceLast(): number {
    return this.#end - this.#sequences.at(-1)!;
  }

  /** What they add. */
  get sumSinceLast(): number {
    return this.#endSum - this.#sums.at(-1)!;
  }

  append(count: number, sum: number): void {
    this.#end += count;
    this.#endSum += sum;
  }

  /** Makes the end a checkpoint; true if there were too many, so that half of them went. */
  mark(): boolean {
    this.#sequences.push(this.#end);
    this.#sums.push(this.#endSum);
    if (this.#sequences.length <= checkpointsMax) return false;
    this.#thinOut();
    return true;
  }

  /** From the start up to, but without, `sequence`. */
  at(sequence: number): number {
    if (sequence <= this.start) return 0;
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
  }
}
