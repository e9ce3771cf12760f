const shortestMs = 100;
const longestMs = 60_000;
/** Fewer negative answers than this are no reason to wait. */
const tolerated = 0.05;
/** At this part of negative answers the wait is the longest. */
const hopeless = 0.8;
/** Answers that are remembered, at least. */
const spanMin = 8;
/** After an answer that was good, at most this part counts as negative: not all is lost. */
const afterSuccess = 0.5;

/**
 * The pause of a whole push subscription after negative answers: 100 ms to 60 s, exponential in the
 * part of the answers that are negative, as Google's documentation describes it: with one in five
 * about half a second, with all of them 30 to 60 s. A pause lasts from the latest negative answer;
 * answers that are good shorten it while it lasts.
 */
export class PushBackoff {
  /** Part of the last answers that were negative, weighted towards the latest. */
  #negative = 0;
  #sinceMs = -Infinity;

  /** `span`: over how many answers to judge; the window's size, so that one of many is no alarm. */
  answered(isAck: boolean, nowMs: number, span: number): void {
    const weight = 1 / Math.max(spanMin, span);
    const before = isAck ? Math.min(this.#negative, afterSuccess) : this.#negative;
    this.#negative = before + ((isAck ? 0 : 1) - before) * weight;
    if (!isAck) this.#sinceMs = nowMs;
  }

  /** How long a pause is that begins now. 0: none. */
  get delayMs(): number {
    if (this.#negative < tolerated) return 0;
    const part = Math.min(1, this.#negative / hopeless);
    return shortestMs * (longestMs / shortestMs) ** part;
  }

  /** Nothing is sent before this instant of the monotonic clock. */
  get untilMs(): number {
    return this.#sinceMs + this.delayMs;
  }
}
