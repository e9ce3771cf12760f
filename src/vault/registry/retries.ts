import { backoffMs, type Clock, type Logger, pause } from '../../runtime/index.ts';
import { isWorthAnotherTry } from './image-errors.ts';

export interface RetryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const backoff = { first: 500, longest: 15_000 };
const triesMax = 5;

/** Counts failures since the last progress, and waits between tries. */
export class Retries {
  readonly #options: RetryOptions;
  #failures = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  progress(): void {
    this.#failures = 0;
  }

  /** Resolves when it is time for another try; throws `error` if there is to be none. */
  async failed(error: unknown): Promise<void> {
    const { clock, log, signal } = this.#options;
    this.#failures += 1;
    if (!isWorthAnotherTry(error) || this.#failures >= triesMax) throw error;
    const waitMs = backoffMs(backoff, this.#failures);
    log.debug({ err: error, waitMs }, 'a registry failed; it is asked again');
    await pause(clock, waitMs, signal);
    signal.throwIfAborted();
  }
}

/** Tries until it succeeds, or fails in a way that another try would not mend. */
export async function retried<Value>(
  options: RetryOptions,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const retries = new Retries(options);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await retries.failed(error);
    }
  }
}
