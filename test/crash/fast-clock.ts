import type { Cancel, Clock } from '../../src/runtime/index.ts';

/**
 * The real clock, run faster: sweeps, refreshes and compactions that take minutes come within the
 * short life of a victim. Wall time follows from the real one, so that it goes on from life to life.
 */
export class FastClock implements Clock {
  readonly #speed: number;
  readonly #epochMs: number;

  constructor(speed: number, epochMs: number) {
    this.#speed = speed;
    this.#epochMs = epochMs;
  }

  wallMs(): number {
    return Math.floor(this.#epochMs + (Date.now() - this.#epochMs) * this.#speed);
  }

  monotonicMs(): number {
    return performance.now() * this.#speed;
  }

  schedule(atMonotonicMs: number, task: () => void): Cancel {
    const delayMs = Math.max(0, (atMonotonicMs - this.monotonicMs()) / this.#speed);
    const timer = setTimeout(task, Math.min(delayMs, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  }

  soon(task: () => void): void {
    setImmediate(task);
  }
}
