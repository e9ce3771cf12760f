import { type Cancel, type Clock } from '../../src/runtime/index.ts';

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * A clock that a test moves. Due tasks run in (time, insertion) order, each at its own time, with
 * everything that their promises start settled in between. The wall can be stepped on its own.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  #tasks: Task[] = [];

  constructor(wallStartMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = wallStartMs;
  }

  wallMs(): number {
    return Math.floor(this.#nowMs + this.#wallOffsetMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  schedule(atMonotonicMs: number, run: () => void): Cancel {
    const task = { atMs: Math.max(atMonotonicMs, this.#nowMs), order: this.#order++, run };
    this.#insert(task);
    return () => {
      const index = this.#tasks.indexOf(task);
      if (index >= 0) this.#tasks.splice(index, 1);
    };
  }

  soon(task: () => void): void {
    setImmediate(task);
  }

  /** Tasks that nobody ran or cancelled. */
  get pendingCount(): number {
    return this.#tasks.length;
  }

  stepWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Moves both clocks forward, running what falls due on the way. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await this.settle();
    for (let next = this.#tasks[0]; next && next.atMs <= endMs; next = this.#tasks[0]) {
      this.#tasks.shift();
      this.#nowMs = next.atMs;
      next.run();
      await this.settle();
    }
    this.#nowMs = endMs;
    await this.settle();
  }

  /** Lets promises and event-loop turns that are already under way come to rest. */
  async settle(turns: number = 4): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  #insert(task: Task): void {
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#tasks[middle]!;
      const isLater =
        other.atMs > task.atMs || (other.atMs === task.atMs && other.order > task.order);
      if (isLater) high = middle;
      else low = middle + 1;
    }
    this.#tasks.splice(low, 0, task);
  }
}
