import type { SubscriptionState } from '../subscription-state.ts';
import type { ReadRun } from './match-count.ts';
import type { MessageFilter } from './message-filter.ts';

/**
 * A look at what one filtered subscription has waiting, from its frontier on: up to the first match
 * everything is passed over; from there on matches are counted, as far as they are not known.
 */
export class FilterWalk {
  readonly filter: MessageFilter;
  readonly #state: SubscriptionState;
  #frontier: number;
  /** The next message to look at. */
  #at: number;
  #matches = 0;

  constructor(state: SubscriptionState, filter: MessageFilter) {
    this.filter = filter;
    this.#state = state;
    this.#frontier = state.backlog.frontier;
    this.#at = this.#frontier;
  }

  /** What was found still holds. */
  get isCurrent(): boolean {
    return this.#state.backlog.frontier === this.#frontier;
  }

  /** Of the subscription. */
  get name(): string {
    return this.#state.row.name;
  }

  /** The next message to look at; Infinity: none. */
  get next(): number {
    const { isEnded, hasConsumers, topic } = this.#state;
    if (isEnded || hasConsumers || !this.isCurrent) return Infinity;
    const end = this.#matches === 0 ? topic.lane.tail : this.#unknownUpTo;
    return this.#at < end ? this.#at : Infinity;
  }

  /**
   * The messages of a segment that holds `next`, or begins after it as older ones are gone. Returns
   * how many of them were passed over.
   */
  take(run: ReadRun): number {
    const unknownUpTo = this.#unknownUpTo;
    const first = Math.max(this.#at, run.base);
    this.#matches += run.countFrom(first);
    this.#at = run.end;
    if (this.#matches === 0) {
      this.#passOver();
      return run.end - first;
    }
    if (unknownUpTo > 0 && this.#at >= unknownUpTo) {
      const known = run.countFrom(unknownUpTo);
      this.filter.counts.learned(this.#frontier, this.#matches - known);
    }
    return 0;
  }

  /** Where the number of matches is known from; 0 if there is nothing to find out. */
  get #unknownUpTo(): number {
    return this.filter.counts.unknownUpTo(this.#frontier) ?? 0;
  }

  #passOver(): void {
    this.#state.passOver(this.#frontier, this.#at);
    this.#frontier = this.#at;
  }
}
