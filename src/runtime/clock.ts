/** Cancels what was scheduled; calling it twice, or after the task ran, does nothing. */
export type Cancel = () => void;

/**
 * Time, as everything in Sealpost sees it. Two clocks, because they answer different questions:
 * wall time is what users see and what is stored; monotonic time is what deadlines are made of, so
 * that a step of the wall clock cannot redeliver a whole backlog.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump either way. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start, with a fraction; never goes back. */
  monotonicMs(): number;
  /** Runs `task` once, not before the monotonic clock shows `atMonotonicMs`. */
  schedule(atMonotonicMs: number, task: () => void): Cancel;
  /** Runs `task` in a later turn of the event loop, after input that is already waiting. */
  soon(task: () => void): void;
}

/** A timer delay above this overflows Node's 32-bit milliseconds and would fire at once. */
const timerMsMax = 2 ** 31 - 1;

/** The real clock. Its timers do not keep the process alive: work in flight does. */
export class SystemClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  schedule(atMonotonicMs: number, task: () => void): Cancel {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const delayMs = Math.max(0, atMonotonicMs - performance.now());
      const late = delayMs > timerMsMax;
      timer = setTimeout(late ? arm : task, late ? timerMsMax : Math.ceil(delayMs));
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  }

  soon(task: () => void): void {
    setImmediate(task);
  }
}
