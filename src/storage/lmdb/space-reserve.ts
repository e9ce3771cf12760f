import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { draw, type Entropy, type Logger } from '../../runtime/index.ts';
import type { Space } from './commit-queue.ts';
import { storageErrorFrom } from './lmdb-fault.ts';

export const reserveBytesDefault: number = 16 * 1024 * 1024;

const chunkBytes = 1024 * 1024;

/**
 * A file of allocated blocks that is given up when the disk is full, so that acks, trims and
 * deletes, which need a few pages each, go on.
 *
 * Its bytes are random: a file system that compresses would allocate nothing for zeros.
 */
export class SpaceReserve implements Space {
  readonly #path: string;
  readonly #dataDir: string;
  readonly #bytes: number;
  readonly #entropy: Entropy;
  readonly #log: Logger;
  #isExhausted = false;

  constructor(options: { dataDir: string; bytes: number; entropy: Entropy; log: Logger }) {
    this.#dataDir = options.dataDir;
    this.#path = join(options.dataDir, 'reserve');
    this.#bytes = options.bytes;
    this.#entropy = options.entropy;
    this.#log = options.log;
    this.#isExhausted = !this.#isWhole() && !this.#restore();
  }

  /** Looks at the disk each time while it is full, and ends that state once there is room. */
  exhausted(): boolean {
    if (!this.#isExhausted) return false;
    if (this.#freeBytes() < 2 * this.#bytes || !this.#restore()) return true;
    this.#isExhausted = false;
    this.#log.info({ reserveBytes: this.#bytes }, 'The disk has room again: publishing goes on');
    return false;
  }

  release(): boolean {
    if (this.#isExhausted) return false;
    this.#isExhausted = true;
    this.#log.error({ reserveBytes: this.#bytes }, 'The disk is full: publishing is refused');
    rmSync(this.#path, { force: true });
    return true;
  }

  #isWhole(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found !== undefined && found.size === this.#bytes;
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#dataDir);
    return bavail * bsize;
  }

  /** Makes the file, or leaves none: half a reserve would only take room away. */
  #restore(): boolean {
    mkdirSync(this.#dataDir, { recursive: true });
    try {
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
