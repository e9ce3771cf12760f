import { link, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isBackupPath, objectsFolder } from './layout.ts';

/** A file of the vault's objects, at a place where no collection removes it. */
export interface LinkedObject {
  /** Below the data directory, as the original. */
  readonly path: string;
  readonly linkPath: string;
  readonly bytes: number;
  readonly inode: number;
}

/**
 * Hard links of all objects, below `vault/staging`: a file there is no object, and a start removes
 * it. Objects never change once they are in place, so that a link is as good as a copy.
 */
export class ObjectLinks {
  readonly #dataDir: string;
  readonly #folder: string;
  readonly #found = new Map<string, LinkedObject>();

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#folder = join(dataDir, 'vault', 'staging', 'backup');
  }

  get all(): readonly LinkedObject[] {
    return [...this.#found.values()];
  }

  /**
   * Links what is there and not yet linked, as it is now: half of an object that a crash left may
   * have been replaced. One that goes meanwhile is needed by nobody.
   */
  async gather(): Promise<void> {
    for (const shard of await namesIn(join(this.#dataDir, objectsFolder))) {
      await mkdir(join(this.#folder, shard), { recursive: true, mode: 0o700 });
      for (const name of await namesIn(join(this.#dataDir, objectsFolder, shard))) {
        await this.#link(`${shard}/${name}`);
      }
    }
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #link(name: string): Promise<void> {
    const path = `${objectsFolder}/${name}`;
    if (!isBackupPath(path)) return;
    const linkPath = join(this.#folder, name);
    try {
      const { ino } = await lstat(join(this.#dataDir, path));
      if (this.#found.get(path)?.inode === ino) return;
      await rm(linkPath, { force: true });
      await link(join(this.#dataDir, path), linkPath);
      const { size: bytes, ino: inode } = await lstat(linkPath);
      this.#found.set(path, { path, linkPath, bytes, inode });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
