import type { Cancel, Clock } from '../../runtime/index.ts';

/** A pause that may be moved while it lasts. */
export class PushPause {
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #untilMs = -Infinity;
  #cancel: Cancel | null = null;

  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  get isOn(): boolean {
    return this.leftMs > 0;
  }

  get leftMs(): number {
    return Math.max(0, this.#untilMs - this.#clock.monotonicMs());
  }

  /** It now lasts until `untilMs` of the monotonic clock; if that has passed, it is over. */
  moveTo(untilMs: number): void {
    if (untilMs === this.#untilMs) return;
    const wasOn = this.#cancel !== null;
    this.stop();
    this.#untilMs = untilMs;
    if (this.isOn) this.arm();
    else if (wasOn) this.#onEnd();
  }

  /** Tells its end again, after `stop`. */
  arm(): void {
    if (!this.isOn || this.#cancel !== null) return;
    this.#cancel = this.#clock.schedule(this.#untilMs, () => {
      this.#cancel = null;
      // Timers may be early by a fraction of a millisecond; what they tell counts.
      this.#untilMs = -Infinity;
      this.#onEnd();
    });
  }

  /** Tells its end to nobody. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
