import type { HeldSegment } from '../lanes/lane-reader.ts';
import { compileFilter, type Filter } from './filter.ts';
import { MatchCount, type ReadRun } from './match-count.ts';
import { type FilteredRun, SlotBits } from './slot-bits.ts';
import type { Evaluation } from './topic-filters.ts';

/** Messages of a segment that was just published. */
export interface PublishedRun {
  readonly base: number;
  readonly count: number;
  /** Null if no filter was evaluated on them. */
  readonly evaluation: Evaluation | null;
}

/**
 * One subscription's filter at work: it reads the bits that were written at publish where there
 * are some of its slot, else the opened message; and it counts what waits behind it.
 */
export class MessageFilter {
  readonly counts: MatchCount;
  readonly #filter: Filter;
  readonly #slot: number | null;
  /** The segment that was asked about last, and its bits. */
  #base = -1;
  #bits: SlotBits | null = null;

  /** `slot`: null if the filter is never evaluated at publish. `tail`: the lane's, so far. */
  constructor(filter: Filter, slot: number | null, tail: number) {
    this.#filter = filter;
    this.#slot = slot;
    this.counts = new MatchCount(tail);
  }

  /** `index`: of the message in the segment. */
  matches(segment: HeldSegment, index: number): boolean {
    if (segment.base !== this.#base) this.#turnTo(segment);
    if (this.#bits !== null) return this.#bits.has(index);
    const { bytes, offsets } = segment;
    return this.admits(bytes.subarray(offsets[index], offsets[index + 1]));
  }

  /** Asks the message itself: PubsubMessage fields 1, 2 and 5 in wire form. */
  admits(message: Uint8Array): boolean {
    return this.#filter.matches(message);
  }

  /** Whether those that do not match were told to the observer when they were published. */
  isCountedAtPublish(segment: HeldSegment): boolean {
    if (segment.base !== this.#base) this.#turnTo(segment);
    return this.#bits !== null;
  }

  /**
   * Segments were published, and `frontier` is where the subscription is. Returns how many of the
   * messages match; null if nobody has looked.
   */
  published({ base, count, evaluation }: PublishedRun, frontier: number): number | null {
    const index = evaluation === null ? -1 : evaluation.section.slots.indexOf(this.#slot ?? -1);
    const matches = evaluation?.counts[index] ?? null;
    this.counts.appended(base, count, matches ?? count, frontier);
    return matches;
  }

  /** Which messages of a stored segment match, if its bits say so. */
  bitsOf(run: FilteredRun): SlotBits | null {
    return SlotBits.of(run, this.#slot);
  }

  #turnTo(segment: HeldSegment): void {
    this.#base = segment.base;
    this.#bits = this.bitsOf(segment);
    this.counts.reads(this.#bits ?? everyMessage(segment));
  }
}

/** Where no bits are, every message was counted. */
function everyMessage({ base, count }: HeldSegment): ReadRun {
  const end = base + count;
  return { base, end, countFrom: (sequence) => end - Math.max(base, sequence) };
}

/** Of a subscription; null without one. `tail`: the lane's. */
export function messageFilterOf(
  { filter, filterSlot = null }: { readonly filter?: string; readonly filterSlot?: number | null },
  tail: number,
): MessageFilter | null {
  return filter === undefined ? null : new MessageFilter(compileFilter(filter), filterSlot, tail);
}
