import {
  openSegment,
  verifiedFilters,
  type Dek,
  type OpenedSegment,
  type SegmentPlace,
} from '../../envelope/index.ts';
import type { Segment } from '../../storage/index.ts';
import type { ReadRun } from './match-count.ts';
import type { MessageFilter } from './message-filter.ts';
import type { FilteredRun } from './slot-bits.ts';

/**
 * One stored segment, looked at for many filters: the seal is checked once, and the messages are
 * opened only for a filter that the segment has no bits of. `close` wipes them.
 */
export class SegmentMatches {
  readonly #segment: Segment;
  readonly #place: SegmentPlace;
  readonly #dek: Dek;
  readonly #run: FilteredRun;
  #opened: OpenedSegment | null = null;

  /** All in one turn: the DEK must be alive throughout. Throws EnvelopeError. */
  constructor(dek: Dek, place: SegmentPlace, segment: Segment) {
    this.#dek = dek;
    this.#place = place;
    this.#segment = segment;
    const { base, count } = segment;
    this.#run = { base, count, filters: verifiedFilters(dek, place, segment) };
  }

  /** What was evaluated at publish was reported there; null if this filter was not. */
  bitsOf(filter: MessageFilter): ReadRun | null {
    return filter.bitsOf(this.#run);
  }

  /** Which messages a filter without bits lets through. Throws EnvelopeError. */
  evaluate(filter: MessageFilter): ReadRun {
    this.#opened ??= openSegment(this.#dek, this.#place, this.#segment);
    const { base, count, bytes, offsets } = this.#opened;
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      if (filter.admits(bytes.subarray(offsets[i], offsets[i + 1]))) found.push(base + i);
    }
    const countFrom = (sequence: number): number => found.filter((each) => each >= sequence).length;
    return { base, end: base + count, countFrom };
  }

  close(): void {
    this.#opened?.bytes.fill(0);
  }
}
