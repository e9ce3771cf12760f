import { MatchHistory } from './match-history.ts';

/** The rest of a segment that a subscription is reading. */
export interface ReadRun {
  readonly base: number;
  readonly end: number;
  /** How many messages match, from a sequence in it on. */
  countFrom(sequence: number): number;
}

/**
 * How many messages that no delivery has looked at yet match a subscription's filter.
 *
 * From `#knownFrom` on `#known` is their number: each segment is added when it is published and
 * taken off when it is read. Below it every message counts that was published before the start,
 * unless its segment is being read or was counted by somebody who looked (`learned`).
 */
export class MatchCount {
  readonly #history: MatchHistory;
  #knownFrom: number;
  #known = 0;
  #run: ReadRun | null = null;

  /** `tail`: the lane's when the subscription was taken over. */
  constructor(tail: number) {
    this.#history = new MatchHistory(tail);
    this.#knownFrom = tail;
  }

  /**
   * Messages were published at `base`; `matches` is their whole number if nobody knows better. A
   * subscription that is there has nothing left of what was estimated before.
   */
  appended(base: number, count: number, matches: number, frontier: number): void {
    this.#history.appended(count, matches);
    if (frontier >= base) {
      this.#knownFrom = base;
      this.#known = 0;
    }
    this.#known += matches;
  }

  /** A segment is about to be read, and matches as it was counted when it was published. */
  reads(run: ReadRun): void {
    this.#run = run;
    if (run.base > this.#knownFrom) this.#jump(run.base);
    if (run.end <= this.#knownFrom) return;
    this.#known -= run.countFrom(this.#knownFrom);
    this.#knownFrom = run.end;
  }

  /** A segment without a match was passed over. */
  passed(first: number, end: number): void {
    if (first <= this.#knownFrom && end > this.#knownFrom) this.#knownFrom = end;
  }

  /** The matches from `frontier` up to where they are known were counted. */
  learned(frontier: number, matches: number): void {
    this.#known += matches;
    this.#knownFrom = frontier;
  }

  /** Where exact knowledge begins, if that is above the frontier; what is below is to be looked at. */
  unknownUpTo(frontier: number): number | null {
    const run = this.#run;
    const isRead = run !== null && frontier >= run.base && run.end === this.#knownFrom;
    return frontier < this.#knownFrom && !isRead ? this.#knownFrom : null;
  }

  /** Matches from `frontier` on; where they are not known, every message, or an estimate. */
  from(frontier: number, tail: number): number {
    if (frontier >= tail) return 0;
    if (frontier > this.#knownFrom) this.#jump(frontier);
    return Math.max(0, Math.min(tail - frontier, this.#below(frontier) + this.#known));
  }

  /** Matches from `frontier` up to where they are known. */
  #below(frontier: number): number {
    const run = this.#run;
    const isRead = run !== null && frontier >= run.base && frontier < run.end;
    if (!isRead || run.end > this.#knownFrom) {
      return this.#history.between(frontier, this.#knownFrom);
    }
    return run.countFrom(frontier) + this.#history.between(run.end, this.#knownFrom);
  }

  /** Retention or a seek went over segments that nobody read. */
  #jump(frontier: number): void {
    this.#known = this.#history.between(frontier, this.#history.end);
    this.#knownFrom = frontier;
  }
}
