import type { Cancel, Clock } from '../../runtime/index.ts';
import type { InstanceSlot } from './instance-slot.ts';

/** Why a request got no instance. */
export type Refusal =
  /** Nothing runs and nothing can be started: 503. */
  | 'unavailable'
  /** All that may run is full, and has been for too long: 429. */
  | 'saturated'
  /** Whoever asked is gone. */
  | 'aborted';

/** A place in an instance, to be given back with `release`, or why there is none. */
export type Admission = InstanceSlot | Refusal;

interface Waiter {
  readonly answer: (admission: Admission) => void;
  readonly deadlineMs: number;
}

/** Requests that wait for a place, first come, first served; bounded in number and in time. */
export class WaitingLine {
  readonly #clock: Clock;
  readonly #lengthMax: number;
  readonly #waiters: Set<Waiter> = new Set();
  readonly #onExpired: () => Refusal;
  #cancelTimer: Cancel | undefined;
  #timerMs = Infinity;

  /** `onExpired` says what the first whose time is over is told. */
  constructor(clock: Clock, lengthMax: number, onExpired: () => Refusal) {
    this.#clock = clock;
    this.#lengthMax = lengthMax;
    this.#onExpired = onExpired;
  }

  get length(): number {
    return this.#waiters.size;
  }

  /** Resolves with a slot, or when the wait is over; `deadlineMs` is monotonic. */
  join(deadlineMs: number, signal: AbortSignal): Promise<Admission> {
    if (signal.aborted) return Promise.resolve('aborted');
    if (this.#waiters.size >= this.#lengthMax) return Promise.resolve('saturated');
    return new Promise((resolve) => {
      const onAbort = (): void => waiter.answer('aborted');
      const waiter: Waiter = {
        deadlineMs,
        answer: (admission) => {
          signal.removeEventListener('abort', onAbort);
          this.#waiters.delete(waiter);
          resolve(admission);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#arm(deadlineMs);
    });
  }

  /** Gives the first in line its place. */
  admit(slot: InstanceSlot): void {
    const [first] = this.#waiters;
    first?.answer(slot);
  }

  refuseAll(refusal: Refusal): void {
    for (const waiter of this.#waiters) waiter.answer(refusal);
  }

  #arm(atMs: number): void {
    if (atMs >= this.#timerMs || atMs === Infinity) return;
    this.#cancelTimer?.();
    this.#timerMs = atMs;
    this.#cancelTimer = this.#clock.schedule(atMs, () => this.#expire());
  }

  #expire(): void {
    this.#timerMs = Infinity;
    const nowMs = this.#clock.monotonicMs();
    for (const waiter of this.#waiters) {
      if (waiter.deadlineMs <= nowMs) waiter.answer(this.#onExpired());
      else this.#arm(waiter.deadlineMs);
    }
  }

  close(): void {
    this.#cancelTimer?.();
    this.#timerMs = Infinity;
    this.refuseAll('unavailable');
  }
}
