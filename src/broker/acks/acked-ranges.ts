import type { AckRange } from './ack-record.ts';

/** Acknowledgements that are not yet durable, as ranges: as they come, adjacent ones joined. */
export class AckedRanges {
  #firsts: number[] = [];
  #ends: number[] = [];

  get size(): number {
    return this.#firsts.length;
  }

  add(first: number, end: number): void {
    const last = this.#ends.length - 1;
    if (last >= 0 && this.#ends[last] === first) {
      this.#ends[last] = end;
      return;
    }
    this.#firsts.push(first);
    this.#ends.push(end);
  }

  /** All that was added, ascending and joined; empty from now on. */
  take(): AckRange[] {
    const firsts = this.#firsts;
    const ends = this.#ends;
    this.#firsts = [];
    this.#ends = [];
    const ranges = firsts.map((first, i): AckRange => [first, ends[i]!]);
    return joined(ranges.toSorted((a, b) => a[0] - b[0]));
  }
}

function joined(ascending: readonly AckRange[]): AckRange[] {
  const ranges: AckRange[] = [];
  for (const range of ascending) {
    const last = ranges.at(-1);
    if (last === undefined || last[1] < range[0]) ranges.push(range);
    else if (last[1] < range[1]) ranges[ranges.length - 1] = [last[0], range[1]];
  }
  return ranges;
}

/** What of them is at or above the floor. */
export function rangesAbove(floor: number, ranges: readonly AckRange[]): AckRange[] {
  return ranges
    .filter(([, end]) => end > floor)
    .map(([first, end]) => [Math.max(first, floor), end] as const);
}
