import { checkpointsMax, CheckpointSums } from '../lanes/checkpoint-sums.ts';

/**
 * How many messages of a lane match a filter, from memory alone: those that were published since
 * the history began at checkpoints, evenly spread between two of them; of earlier ones, all.
 */
export class MatchHistory {
  readonly #matches: CheckpointSums;
  /** Messages between two checkpoints. */
  #stride = 1;

  constructor(start: number) {
    this.#matches = new CheckpointSums(start);
  }

  /** Messages were published at the end. */
  appended(count: number, matches: number): void {
    this.#matches.append(count, matches);
    if (this.#matches.countSinceLast < this.#stride || !this.#matches.mark()) return;
    const { start, end } = this.#matches;
    this.#stride = Math.max(1, Math.ceil((end - start) / checkpointsMax)) * 2;
  }

  get end(): number {
    return this.#matches.end;
  }

  /** From `from` up to, but without, `to`. */
  between(from: number, to: number): number {
    if (from >= to) return 0;
    const earlierCount = Math.max(0, Math.min(to, this.#matches.start) - from);
    return earlierCount + Math.round(this.#matches.at(to) - this.#matches.at(from));
  }
}
