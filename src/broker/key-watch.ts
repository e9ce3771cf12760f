import type { Cancel, Clock } from '../runtime/index.ts';

/** How often the key of a subscription that somebody listens to is looked at. */
const checkMs = 60_000;

/** Looks at a key again and again while there is somebody whom it matters to. */
export class KeyWatch {
  readonly #clock: Clock;
  readonly #check: () => Promise<boolean>;
  #cancel: Cancel | null = null;

  /** `check` never rejects, and tells whether there still is somebody. */
  constructor(clock: Clock, check: () => Promise<boolean>) {
    this.#clock = clock;
    this.#check = check;
  }

  /** Goes on if it is under way already. */
  start(): void {
    if (this.#cancel !== null) return;
    this.#cancel = this.#clock.schedule(this.#clock.monotonicMs() + checkMs, () => {
      this.#cancel = null;
      void this.#look();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  async #look(): Promise<void> {
    if (await this.#check()) this.start();
  }
}
