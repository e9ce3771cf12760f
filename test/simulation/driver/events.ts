import { silentObserver, type BrokerObserver } from '../../../src/broker/index.ts';

/** What the broker told its observer of one subscription, since its last start. */
export interface Tally {
  delivered: number;
  acked: number;
  nacked: number;
  expired: number;
  filtered: number;
  deadLettered: number;
  deadLettersFailed: number;
}

/** The observer's end: sums by subscription. */
export class EventTallies {
  /** Of all subscriptions, over all restarts. */
  filteredCount = 0;
  readonly #tallies = new Map<string, Tally>();
  readonly observer: BrokerObserver = {
    ...silentObserver,
    delivered: (name, _, count) => void (this.of(name).delivered += count),
    acked: (name, _, latenciesMs, untimedCount) =>
      void (this.of(name).acked += latenciesMs.length + untimedCount),
    nacked: (name, _, count) => void (this.of(name).nacked += count),
    expired: (name, _, count) => void (this.of(name).expired += count),
    filtered: (name, count) => {
      this.of(name).filtered += count;
      this.filteredCount += count;
    },
    deadLettered: (name, code) => {
      if (code === 'OK') this.of(name).deadLettered++;
      else this.of(name).deadLettersFailed++;
    },
  };

  of(subscription: string): Tally {
    const known = this.#tallies.get(subscription) ?? { ...nothingYet };
    this.#tallies.set(subscription, known);
    return known;
  }

  forget(subscription: string): void {
    this.#tallies.delete(subscription);
  }

  /** The process is new; that a forward failed once is remembered. */
  clear(): void {
    for (const tally of this.#tallies.values()) {
      const { deadLettersFailed } = tally;
      Object.assign(tally, { ...nothingYet, deadLettersFailed });
    }
  }
}

const nothingYet: Tally = {
  delivered: 0,
  acked: 0,
  nacked: 0,
  expired: 0,
  filtered: 0,
  deadLettered: 0,
  deadLettersFailed: 0,
};
