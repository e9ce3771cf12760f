import type { Clock } from '../../runtime/index.ts';

/** Someone who can do a bounded piece of work. */
export interface Turn {
  /** Does one piece; true if there is more that could be done at once. */
  turn(): boolean;
}

/** Work without a look at the event loop, at most. */
const sliceMs = 2;

/**
 * Deals out turns round robin to everyone who has something to deliver, so that one subscription
 * with a large backlog never holds up another, nor the sockets.
 */
export class Dispatcher {
  readonly #clock: Clock;
  /** In order of arrival. */
  readonly #ready = new Set<Turn>();
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(turn: Turn): void {
    this.#ready.add(turn);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#run());
  }

  forget(turn: Turn): void {
    this.#ready.delete(turn);
  }

  /** A turn that throws is over, and shows; those that it kept waiting have theirs all the same. */
  #run(): void {
    try {
      this.#runSlice();
    } finally {
      if (this.#ready.size > 0) this.#clock.soon(() => this.#run());
      else this.#isScheduled = false;
    }
  }

  #runSlice(): void {
    const untilMs = this.#clock.monotonicMs() + sliceMs;
    for (const turn of this.#ready) {
      this.#ready.delete(turn);
      if (turn.turn()) this.#ready.add(turn);
      if (this.#clock.monotonicMs() >= untilMs) return;
    }
  }
}
