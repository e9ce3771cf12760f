import type { Clock, Failpoints } from '../../runtime/index.ts';
import { StorageError } from '../storage-error.ts';

/**
 * Group commit without a disk: what arrives within a turn of the loop is applied together, in
 * order, before anybody sees a result.
 */
export class MemoryQueue {
  readonly #clock: Clock;
  readonly #failpoints: Failpoints;
  readonly #onCommit: ((calls: number) => void) | undefined;
  #waiting: (() => () => void)[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(clock: Clock, failpoints: Failpoints, onCommit?: (calls: number) => void) {
    this.#clock = clock;
    this.#failpoints = failpoints;
    this.#onCommit = onCommit;
  }

  run<T>(task: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.assertOpen();
      this.#waiting.push(() => settled(task, resolve, reject));
      this.#running ??= this.#drain();
    });
  }

  assertOpen(): void {
    if (this.#isClosed) throw new StorageError('closed', 'The store is closed');
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running) await this.#running;
  }

  async #drain(): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => {
        this.#clock.soon(resolve);
      });
      if (this.#waiting.length === 0) break;
      this.#transact(this.#waiting.splice(0));
    }
    this.#running = null;
  }

  #transact(tasks: readonly (() => () => void)[]): void {
    this.#failpoints('beforeCommit');
    const answers = tasks.map((task) => task());
    this.#failpoints('afterCommit');
    for (const answer of answers) answer();
    this.#onCommit?.(tasks.length);
  }
}

/** Runs the task now; its answer is given when the returned function is called. */
function settled<T>(
  task: () => T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): () => void {
  try {
    const result = task();
    return () => resolve(result);
  } catch (error) {
    return () => reject(error);
  }
}
