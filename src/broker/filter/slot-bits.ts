import { bitmapBytes, type FilterSection } from '../../envelope/index.ts';

/** A segment, as far as filters go. */
export interface FilteredRun {
  readonly base: number;
  readonly count: number;
  readonly filters: FilterSection | null;
}

/** Which messages of one segment match one filter. */
export class SlotBits {
  readonly base: number;
  readonly count: number;
  readonly #bits: Uint8Array;

  private constructor(run: FilteredRun, bits: Uint8Array) {
    this.base = run.base;
    this.count = run.count;
    this.#bits = bits;
  }

  /** Null if the segment does not know that filter. */
  static of(run: FilteredRun, slot: number | null): SlotBits | null {
    const index = slot === null ? -1 : (run.filters?.slots.indexOf(slot) ?? -1);
    if (run.filters === null || index < 0) return null;
    const stride = bitmapBytes(run.count);
    return new SlotBits(run, run.filters.bits.subarray(index * stride, (index + 1) * stride));
  }

  get end(): number {
    return this.base + this.count;
  }

  /** `index`: of the message in its segment. */
  has(index: number): boolean {
    return (this.#bits[index >> 3]! & (1 << (index & 7))) !== 0;
  }

  /** How many match from `sequence` on. */
  countFrom(sequence: number): number {
    let found = 0;
    for (let i = Math.max(0, sequence - this.base); i < this.count; i++) if (this.has(i)) found++;
    return found;
  }
}
