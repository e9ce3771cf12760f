import { statfsSync } from 'node:fs';
import type { Clock } from '../../runtime/index.ts';

/** An answer older than this is asked for again: others use the disk too. */
const answerMs = 100;
/** With so much to spare, what others may take within `answerMs` does not matter. */
const ampleBytes = 1024 * 1024 * 1024;

/** The free bytes of a disk, asked for before each transaction only where they run low. */
export class FreeSpace {
  readonly #path: string;
  readonly #clock: Clock;
  #bytes = 0;
  #askedMs = -Infinity;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Free bytes now; at most 100 ms late, and exact once less than a gibibyte is left. */
  bytes(): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#bytes < ampleBytes || nowMs - this.#askedMs >= answerMs) {
      const { bavail, bsize } = statfsSync(this.#path);
      this.#bytes = bavail * bsize;
      this.#askedMs = nowMs;
    }
    return this.#bytes;
  }

  /** A transaction of so many bytes was admitted. */
  take(bytes: number): void {
    this.#bytes -= bytes;
  }
}
