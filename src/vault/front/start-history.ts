import { backoffMs } from '../../runtime/index.ts';

const backoffBounds = { first: 1_000, longest: 60_000 };
/** An instance that ran for so long was no failure of its start. */
const stableMs = 60_000;
/** How long a start may take as far as anybody knows: about as long as its probe waits, 240 s. */
const unknownStartMs = 70_000;
/** The weight of the newest start in the mean. */
const newestWeight = 0.3;
/** A request waits for so many usual starts, and at least for so long, as on Cloud Run. */
const startsWaited = 3.5;
const leastWaitMs = 10_000;

/** How the starts of one revision went: when to try again, and how long a request may wait. */
export class StartHistory {
  #failures = 0;
  #notBeforeMs = 0;
  #meanMs: number | undefined;

  /** No start before this; monotonic ms. */
  get notBeforeMs(): number {
    return this.#notBeforeMs;
  }

  /** How long a request may wait for a place. */
  get patienceMs(): number {
    return Math.max(leastWaitMs, startsWaited * (this.#meanMs ?? unknownStartMs));
  }

  started(tookMs: number): void {
    const mean = this.#meanMs ?? tookMs;
    this.#meanMs = mean + newestWeight * (tookMs - mean);
    this.#notBeforeMs = 0;
  }

  /** A start failed; each costs its owner an unwrap, so the next one waits. */
  failed(nowMs: number): void {
    this.#failures += 1;
    this.#notBeforeMs = nowMs + backoffMs(backoffBounds, this.#failures);
  }

  /** An instance ended that nobody here had stopped: the first time the next one comes at once. */
  ended(nowMs: number, ranMs: number): void {
    if (ranMs >= stableMs) this.#failures = 0;
    const waitMs = this.#failures === 0 ? 0 : backoffMs(backoffBounds, this.#failures);
    this.#failures += 1;
    this.#notBeforeMs = nowMs + waitMs;
  }

  /** What kept it from starting is over. */
  forgive(): void {
    this.#failures = 0;
    this.#notBeforeMs = 0;
  }
}
