import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { draw, type Clock, type Entropy, type Logger } from '../../runtime/index.ts';
import type { Space } from './commit-queue.ts';
import { FreeSpace } from './free-space.ts';
import { storageErrorFrom } from './lmdb-fault.ts';

export const reserveBytesDefault: number = 16 * 1024 * 1024;

const chunkBytes = 1024 * 1024;

/** Tree pages that a transaction copies beside those of its own records. */
const transactionBytes = 512 * 1024;

/** What a transaction of `bytes` may take on disk at most: no freed page may be of use to it. */
function needOf(bytes: number): number {
  return 2 * bytes + transactionBytes;
}

/** The room for an environment without a reserve: on a full disk it refuses everything. */
export function unreservedSpace(path: string, clock: Clock): Space {
  const free = new FreeSpace(path, clock);
  const admits = (bytes: number): boolean => free.bytes() >= needOf(bytes);
  return { admitsGrowth: admits, admits, release: () => false };
}

/**
 * A file of allocated blocks that is given up when the disk is nearly full, so that acks, trims
 * and deletes, which need a few pages each, go on.
 *
 * Growth is refused while less than the reserve is free beside it, and admitted again once twice
 * the reserve would be free with the file in place. Its bytes are random: a file system that
 * compresses would allocate nothing for zeros.
 */
export class SpaceReserve implements Space {
  readonly #path: string;
  readonly #free: FreeSpace;
  readonly #bytes: number;
  readonly #entropy: Entropy;
  readonly #log: Logger;
  #isSpent: boolean;

  constructor(options: {
    dataDir: string;
    bytes: number;
    clock: Clock;
    entropy: Entropy;
    log: Logger;
  }) {
    this.#free = new FreeSpace(options.dataDir, options.clock);
    this.#path = join(options.dataDir, 'reserve');
    this.#bytes = options.bytes;
    this.#entropy = options.entropy;
    this.#log = options.log;
    if (!this.#isWhole()) rmSync(this.#path, { force: true });
    this.#isSpent = !this.#isWhole() && !this.#restore(0);
  }

  admitsGrowth(bytes: number): boolean {
    const need = needOf(bytes);
    if (!this.#isSpent) {
      if (this.#free.bytes() >= need + this.#bytes) {
        this.#free.take(need);
        return true;
      }
      this.release();
      return false;
    }
    if (!this.#restore(need)) return false;
    this.#isSpent = false;
    this.#log.info({ reserveBytes: this.#bytes }, 'The disk has room again: publishing goes on');
    return true;
  }

  admits(bytes: number): boolean {
    return this.#free.bytes() >= needOf(bytes);
  }

  release(): boolean {
    if (this.#isSpent) return false;
    this.#isSpent = true;
    this.#log.error({ reserveBytes: this.#bytes }, 'The disk is full: publishing is refused');
    rmSync(this.#path, { force: true });
    return true;
  }

  #isWhole(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found !== undefined && found.size === this.#bytes;
  }

  /** Makes the file, or leaves none: half a reserve would only take room away. */
  #restore(need: number): boolean {
    try {
      if (this.#free.bytes() < 3 * this.#bytes + need) return false;
      this.#fill();
      return true;
    } catch (error) {
      rmSync(this.#path, { force: true });
      const cause = storageErrorFrom(error, 'The reserve cannot be made');
      if (cause.fault !== 'full') throw cause;
      return false;
    }
  }

  #fill(): void {
    const file = openSync(this.#path, 'w', 0o600);
    try {
      for (let left = this.#bytes; left > 0; left -= chunkBytes) {
        const chunk = draw(this.#entropy, Math.min(left, chunkBytes));
        for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}
