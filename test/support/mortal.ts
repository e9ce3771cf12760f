import type { Cancel, Clock } from '../../src/runtime/index.ts';

/** The time from a start to a crash. What was begun in it does nothing more once it is over. */
export class Life {
  isOver = false;
}

/**
 * A port as a process sees it that may crash: after the end of its life no call reaches the target
 * and no answer comes back, not even of calls that were under way and that did happen.
 */
export function mortal<Port extends object>(port: Port, life: Life): Port {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value === 'object' && value !== null) return mortal(value, life);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown => {
        if (life.isOver) return new Promise(() => undefined);
        const answer: unknown = Reflect.apply(value, target, given);
        return answer instanceof Promise ? untilTheEnd(answer, life) : answer;
      };
    },
  });
}

function untilTheEnd(answer: Promise<unknown>, life: Life): Promise<unknown> {
  return new Promise((resolve, reject) => {
    answer.then(
      (value) => {
        if (!life.isOver) resolve(value);
      },
      (error: unknown) => {
        if (!life.isOver) reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** A clock whose timers die with the life in which they were set. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #life: Life;
  readonly #cancels = new Set<Cancel>();

  constructor(clock: Clock, life: Life) {
    this.#clock = clock;
    this.#life = life;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  schedule(atMonotonicMs: number, task: () => void): Cancel {
    if (this.#life.isOver) return () => undefined;
    const cancel = this.#clock.schedule(atMonotonicMs, () => {
      this.#cancels.delete(cancel);
      if (!this.#life.isOver) task();
    });
    this.#cancels.add(cancel);
    return () => {
      this.#cancels.delete(cancel);
      cancel();
    };
  }

  soon(task: () => void): void {
    this.#clock.soon(() => {
      if (!this.#life.isOver) task();
    });
  }

  /** Takes every timer of this life off the clock. */
  cancelAll(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
