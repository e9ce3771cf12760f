import type { Cancel, Clock } from '../../src/runtime/index.ts';

/**
 * A clock for what waits between tries: short waits pass at once and are noted, long ones (the time
 * limits of requests) never pass. So nothing depends on how long a socket takes.
 */
export class HastyClock implements Clock {
  readonly waitsMs: number[] = [];
  readonly #shortMs: number;
  #nowMs = 0;

  constructor(shortMs: number) {
    this.#shortMs = shortMs;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }

  schedule(atMonotonicMs: number, run: () => void): Cancel {
    const waitMs = atMonotonicMs - this.#nowMs;
    if (waitMs > this.#shortMs) return () => undefined;
    const immediate = setImmediate(() => {
      this.waitsMs.push(waitMs);
      this.#nowMs = Math.max(this.#nowMs, atMonotonicMs);
      run();
    });
    return () => clearImmediate(immediate);
  }

  soon(task: () => void): void {
    setImmediate(task);
  }
}
