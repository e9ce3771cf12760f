import { SystemClock, type Cancel, type Clock } from '../../src/runtime/index.ts';

interface Task {
  readonly atMs: number;
  readonly run: () => void;
  cancel: Cancel;
}

/**
 * The real clock with a lead that a test may lengthen: between jumps time passes as it does, so
 * real sockets and real disks work, and a jump makes everything due that falls into it.
 */
export class JumpingClock implements Clock {
  readonly #real: Clock = new SystemClock();
  readonly #tasks = new Set<Task>();
  #leadMs = 0;
  #wallStepMs = 0;

  wallMs(): number {
    return this.#real.wallMs() + this.#leadMs + this.#wallStepMs;
  }

  monotonicMs(): number {
    return this.#real.monotonicMs() + this.#leadMs;
  }

  schedule(atMs: number, run: () => void): Cancel {
    const task: Task = { atMs, run, cancel: () => undefined };
    this.#tasks.add(task);
    this.#arm(task);
    return () => {
      task.cancel();
      this.#tasks.delete(task);
    };
  }

  soon(task: () => void): void {
    this.#real.soon(task);
  }

  /** Sets the wall clock alone, back too; no time passes. */
  stepWall(byMs: number): void {
    this.#wallStepMs += byMs;
  }

  jump(byMs: number): void {
    this.#leadMs += byMs;
    const inOrder = [...this.#tasks].toSorted((a, b) => a.atMs - b.atMs);
    for (const task of inOrder) {
      task.cancel();
      this.#arm(task);
    }
  }

  #arm(task: Task): void {
    task.cancel = this.#real.schedule(task.atMs - this.#leadMs, () => {
      this.#tasks.delete(task);
      task.run();
    });
  }
}
