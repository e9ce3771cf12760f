import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import type { DraftRange } from './proto-draft.ts';

/** What fields may be numbered. */
export const fieldNumbers: DraftRange = { first: 1, last: 2 ** 29 - 1 };

/** Ranges of numbers that are kept from use; they may not overlap. */
export class NumberRanges {
  readonly #sorted: readonly DraftRange[];

  /** @throws SchemaError if a range is empty, beyond the bounds, or overlaps another. */
  constructor(ranges: readonly DraftRange[], bounds: DraftRange, owner: string) {
    this.#sorted = ranges.toSorted((one, other) => one.first - other.first);
    let end = bounds.first - 1;
    for (const { first, last } of this.#sorted) {
      if (first <= end || last < first || last > bounds.last) {
        throw new SchemaError(
          `The reserved range ${first} to ${last} of ${quoted(owner)} is wrong.`,
        );
      }
      end = last;
    }
  }

  has(number: number): boolean {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]!.last < number) low = middle + 1;
      else high = middle;
    }
    const found = this.#sorted[low];
    return found !== undefined && found.first <= number;
  }
}
