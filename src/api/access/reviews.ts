import type { Cancel, Clock } from '../../runtime/index.ts';

/** So many a turn: ten thousand sessions do not hold up what others ask meanwhile. */
const reviewsPerTurn = 500;

/** How late it is noticed that a condition of a policy, which names a time, holds no more. */
const periodMs = 5_000;

/**
 * What is open, to be asked about again when a policy or credentials changed, and as time passes,
 * which conditions of policies may ask about.
 */
export class Reviews {
  readonly #clock: Clock;
  readonly #open: Set<() => void> = new Set();
  /** What is still to be asked about, in this round. */
  #round: Iterator<() => void> | null = null;
  #isDue = false;
  #cancelPeriod: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(review: () => void): () => void {
    // One of its own: the same function may be added twice.
    const each = (): void => review();
    this.#open.add(each);
    this.#cancelPeriod ??= this.#watchTime();
    return () => void this.#open.delete(each);
  }

  /** Asks about all of it, from the next turn on; changes of one turn are one round. */
  begin(): void {
    // What came before a change within a round was decided without it.
    this.#round = null;
    if (this.#isDue || this.#open.size === 0) return;
    this.#isDue = true;
    this.#clock.soon(() => this.#goOn());
  }

  close(): void {
    this.#cancelPeriod?.();
  }

  /** Goes on for as long as anything is open. */
  #watchTime(): Cancel {
    return this.#clock.schedule(this.#clock.monotonicMs() + periodMs, () => {
      this.#cancelPeriod = this.#open.size === 0 ? undefined : this.#watchTime();
      this.begin();
    });
  }

  #goOn(): void {
    this.#isDue = false;
    const round = (this.#round ??= new Set(this.#open).values());
    for (let count = 0; count < reviewsPerTurn; count++) {
      const { value: review, done } = round.next();
      if (done === true) {
        this.#round = null;
        return;
      }
      if (this.#open.has(review)) review();
      // A review may itself have begun another round.
      if (this.#round !== round) return;
    }
    this.#isDue = true;
    this.#clock.soon(() => this.#goOn());
  }
}
