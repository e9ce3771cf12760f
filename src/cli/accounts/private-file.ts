import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';

import { CommandError } from '../command/command-error.ts';

/**
 * A new file that its owner alone can read, made before what it is for: a key that was made and could
 * not be written down would be lost. One that is there already is never overwritten.
 */
export class PrivateFile {
  readonly path: string;
  readonly #file: number;

  /** Throws CommandError if there is such a file, or none can be made. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = openSync(path, 'wx', 0o600);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'EEXIST' ? 'is there already' : `cannot be made (${code ?? 'unknown'})`;
      throw new CommandError(`The file ${path} ${why}.`, { hint: 'Name another with --out.' });
    }
  }

  /** Writes what `make` resolves to, durably, and wipes it; if it rejects, the file goes. */
  async fill(make: () => Promise<Uint8Array>): Promise<void> {
    try {
      const bytes = await make();
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
      fsyncSync(this.#file);
      bytes.fill(0);
    } catch (error) {
      unlinkSync(this.path);
      throw error;
    } finally {
      closeSync(this.#file);
    }
  }
}
