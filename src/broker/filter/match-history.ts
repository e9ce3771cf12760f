/** Checkpoints that are kept; when there are more, every second one goes. */
const checkpointsMax = 128;

/**
 * How many messages of a lane match a filter, from memory alone: those that were published since
 * the history began at checkpoints, evenly spread between two of them; of earlier ones, all.
 */
export class MatchHistory {
  /** Ascending; the first is the beginning. */
  readonly #sequences: number[];
  /** Matches from the beginning up to each checkpoint. */
  readonly #sums: number[] = [0];
  #stride = 1;
  #end: number;
  #endSum = 0;

  constructor(start: number) {
    this.#sequences = [start];
    this.#end = start;
  }

  /** Messages were published at the end. */
  appended(count: number, matches: number): void {
    this.#end += count;
    this.#endSum += matches;
    if (this.#end - this.#sequences.at(-1)! < this.#stride) return;
    this.#sequences.push(this.#end);
    this.#sums.push(this.#endSum);
    if (this.#sequences.length > checkpointsMax) this.#thinOut();
  }

  get end(): number {
    return this.#end;
  }

  /** From `from` up to, but without, `to`. */
  between(from: number, to: number): number {
    if (from >= to) return 0;
    const earlierCount = Math.max(0, Math.min(to, this.#sequences[0]!) - from);
    return earlierCount + Math.round(this.#sumAt(to) - this.#sumAt(from));
  }

  #sumAt(sequence: number): number {
    if (sequence <= this.#sequences[0]!) return 0;
    if (sequence >= this.#end) return this.#endSum;
    const after = this.#sequences.findIndex((checkpoint) => checkpoint > sequence);
    const last = after < 0 ? this.#sequences.length - 1 : after - 1;
    const [first, firstSum] = [this.#sequences[last]!, this.#sums[last]!];
    const next = this.#sequences[last + 1] ?? this.#end;
    const nextSum = this.#sums[last + 1] ?? this.#endSum;
    return firstSum + ((sequence - first) / (next - first)) * (nextSum - firstSum);
  }

  #thinOut(): void {
    const keptCount = Math.ceil(this.#sequences.length / 2);
    for (let i = 0; i < keptCount; i++) {
      this.#sequences[i] = this.#sequences[2 * i]!;
      this.#sums[i] = this.#sums[2 * i]!;
    }
    this.#sequences.length = keptCount;
    this.#sums.length = keptCount;
    this.#stride = Math.max(1, Math.ceil((this.#end - this.#sequences[0]!) / checkpointsMax)) * 2;
  }
}
