import type { Environment } from './environment.ts';

export const backoffMsMin = 100;
export const backoffMsMax = 10_000;

/** Exponential back-off with full jitter: each wait is drawn from zero to a limit that doubles. */
export class Backoff {
  readonly #environment: Environment;
  #limitMs: number = backoffMsMin;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const limitMs = this.#limitMs;
    this.#limitMs = Math.min(2 * limitMs, backoffMsMax);
    return Math.floor(this.#environment.random() * limitMs);
  }

  /** After a success. */
  reset(): void {
    this.#limitMs = backoffMsMin;
  }
}
