/** Requests under way at the start, and once a round went badly at its worst. */
const smallest = 1;
/** Answers that are right but slow shrink the window no further than this. */
const smallestForSlow = 16;
/** Up to here the window doubles; from here on it grows by `linearStep` (cloud.google.com/pubsub/docs/push). */
const exponentialMax = 3_000;
const linearStep = 100;
const largest = 10_000;
/** The part of a round that may go badly, and what is slow. */
const badFraction = 0.01;
const slowMs = 1_000;

/** A request's place in the slow start: the round in which it was sent. */
export type Round = number;

/**
 * How many requests to one endpoint may be under way: the slow start of push. Works in rounds of as
 * many answers as the window is wide. A round in which at least 99 % were acknowledged within a
 * second widens the window, if it was ever full; as soon as that cannot be reached any more, the
 * window is halved. Answers to requests of earlier rounds are news about an earlier window: they
 * count for nothing.
 */
export class PushWindow {
  #size = smallest;
  #round: Round = 0;
  #answers = 0;
  #failures = 0;
  #slow = 0;
  #wasFull = false;

  get size(): number {
    return this.#size;
  }

  /** A request leaves, `underWay` counting it. */
  sent(underWay: number): Round {
    if (underWay >= this.#size) this.#wasFull = true;
    return this.#round;
  }

  /** It was answered. */
  answered(round: Round, isAck: boolean, latencyMs: number): void {
    if (round !== this.#round) return;
    this.#answers++;
    if (!isAck) this.#failures++;
    else if (latencyMs >= slowMs) this.#slow++;
    const bad = this.#failures + this.#slow;
    if (bad > this.#size * badFraction) this.#shrink();
    else if (this.#answers >= this.#size) this.#grow();
  }

  #shrink(): void {
    const floor = this.#failures > 0 ? smallest : Math.min(this.#size, smallestForSlow);
    this.#next(Math.max(floor, Math.floor(this.#size / 2)));
  }

  #grow(): void {
    const { exponential, linear } = {
      exponential: this.#size * 2,
      linear: this.#size + linearStep,
    };
    const wider =
      this.#size < exponentialMax
        ? Math.min(exponential, exponentialMax)
        : Math.min(linear, largest);
    this.#next(this.#wasFull ? wider : this.#size);
  }

  #next(size: number): void {
    this.#size = size;
    this.#round++;
    this.#answers = 0;
    this.#failures = 0;
    this.#slow = 0;
    this.#wasFull = false;
  }
}
