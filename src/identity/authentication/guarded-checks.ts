import type { Clock } from '../../runtime/index.ts';
import { pause } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { type Attempt, AttemptThrottle } from './attempt-throttle.ts';
import { throttled } from './refusal.ts';

const placesMax = 20_000;
/** Checks under way, and failures whose answer is late, at most. */
const waitingMax = 1_000;
const busyMs = 1_000;

/** Runs checks of credentials, of those who may have one, and makes failures late. */
export class GuardedChecks {
  readonly #clock: Clock;
  readonly #throttle: AttemptThrottle;
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#throttle = new AttemptThrottle(clock, placesMax);
  }

  /** @throws RpcError RESOURCE_EXHAUSTED for those who guess, with when they may come again */
  admit(attempt: Attempt): void {
    const waitMs = this.#throttle.waitMs(attempt);
    if (waitMs > 0) throw throttled(waitMs);
    if (this.#waiting >= waitingMax) throw throttled(busyMs);
  }

  /** Of what was admitted. */
  succeeded(attempt: Attempt): void {
    this.#throttle.succeeded(attempt);
  }

  /** @throws `error`, at once or late */
  failed(attempt: Attempt, error: RpcError): Promise<never> {
    const waitMs = this.#throttle.failed(attempt);
    if (waitMs === 0) throw error;
    return this.#late(waitMs, error);
  }

  /**
   * Waits for a check of what was admitted, and counts how it ends. An outage of somebody else is
   * nobody's failure.
   */
  async run<T>(attempt: Attempt, check: () => Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      const checked = await check();
      this.succeeded(attempt);
      return checked;
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== 'UNAUTHENTICATED') throw error;
      return await this.failed(attempt, error);
    } finally {
      this.#waiting--;
    }
  }

  async #late(waitMs: number, error: RpcError): Promise<never> {
    this.#waiting++;
    try {
      await pause(this.#clock, waitMs);
    } finally {
      this.#waiting--;
    }
    throw error;
  }
}
