import type { Clock } from '../../runtime/index.ts';

/**
 * Holds one stream while its project owes bytes: the broker waits as it does for a slow client, and
 * goes on when both the client and the quota are ready.
 */
export class StreamPace {
  readonly #clock: Clock;
  readonly #resume: () => void;
  #isTransportReady = true;
  #isClosed = false;
  #cancelWait: (() => void) | null = null;

  /** `resume` has the broker hand out again. */
  constructor(clock: Clock, resume: () => void) {
    this.#clock = clock;
    this.#resume = resume;
  }

  /** What the broker is told of a batch: false asks it to wait. */
  delivered(isTransportReady: boolean, waitMs: number): boolean {
    // The transport may have found that it is gone while it took the batch.
    if (this.#isClosed) return false;
    this.#isTransportReady = isTransportReady;
    if (waitMs > 0) this.#wait(waitMs);
    return isTransportReady && this.#cancelWait === null;
  }

  /** The transport took what it had. */
  transportResumed(): void {
    this.#isTransportReady = true;
    if (this.#cancelWait === null && !this.#isClosed) this.#resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelWait?.();
    this.#cancelWait = null;
  }

  #wait(waitMs: number): void {
    this.#cancelWait?.();
    this.#cancelWait = this.#clock.schedule(this.#clock.monotonicMs() + waitMs, () => {
      this.#cancelWait = null;
      if (this.#isTransportReady) this.#resume();
    });
  }
}
