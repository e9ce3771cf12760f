import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The files that a document names, by their paths relative to it. */
export interface FileAccess {
  /** Null if there is no such file. Throws if it cannot be read, or is larger than `bytesMax`. */
  read(path: string, bytesMax: number): Uint8Array | null;
  /** Replaces a file whole, for its owner alone (0600). */
  writePrivate(path: string, bytes: Uint8Array): void;
}

/** Files of this machine; `folder` is the document's. */
export class DiskFiles implements FileAccess {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(path: string, bytesMax: number): Uint8Array | null {
    const full = resolve(this.#folder, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat === undefined) return null;
    if (!stat.isFile()) throw new Error('is no file');
    if (stat.size > bytesMax) throw new Error(`must be at most ${bytesMax} bytes`);
    return readFileSync(full);
  }

  writePrivate(path: string, bytes: Uint8Array): void {
    const full = resolve(this.#folder, path);
    const unfinished = `${full}.new`;
    mkdirSync(dirname(full), { recursive: true, mode: 0o700 });
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, bytes, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(unfinished, full);
  }
}
