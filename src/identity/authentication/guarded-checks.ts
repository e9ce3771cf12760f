import { type Clock, pause } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { type Attempt, AttemptThrottle } from './attempt-throttle.ts';
import { throttled } from './refusal.ts';

const placesMax = 20_000;
/** Checks under way at most. */
const checksMax = 1_000;
/** Failures whose answer is late; further ones are not: their delay would cost us more than them. */
const lateMax = 1_000;
const busyMs = 1_000;

/** Runs checks of credentials, of those who may have one, and makes failures late. */
export class GuardedChecks {
  readonly #clock: Clock;
  readonly #throttle: AttemptThrottle;
  #checking = 0;
  #late = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#throttle = new AttemptThrottle(clock, placesMax);
  }

  /** @throws RpcError RESOURCE_EXHAUSTED for those who guess, with when they may come again */
  admit(attempt: Attempt): void {
    const waitMs = this.#throttle.waitMs(attempt);
    if (waitMs > 0) throw throttled(waitMs);
    if (this.#checking >= checksMax) throw throttled(busyMs);
  }

  /** Of what was admitted. */
  succeeded(attempt: Attempt): void {
    this.#throttle.succeeded(attempt);
  }

  /** @throws `error`, at once or late */
  failed(attempt: Attempt, error: RpcError): Promise<never> {
    const waitMs = this.#throttle.failed(attempt);
    if (waitMs === 0 || this.#late >= lateMax) throw error;
    return this.#throwLate(waitMs, error);
  }

  /**
   * Waits for a check of what was admitted, and counts how it ends. An outage of somebody else is
   * nobody's failure.
   */
  async run<T>(attempt: Attempt, check: () => Promise<T>): Promise<T> {
    this.#checking++;
    let refusal: RpcError;
    try {
      const checked = await check();
      this.succeeded(attempt);
      return checked;
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== 'UNAUTHENTICATED') throw error;
      refusal = error;
    } finally {
      this.#checking--;
    }
    return await this.failed(attempt, refusal);
  }

  async #throwLate(waitMs: number, error: RpcError): Promise<never> {
    this.#late++;
    try {
      await pause(this.#clock, waitMs);
    } finally {
      this.#late--;
    }
    throw error;
  }
}
