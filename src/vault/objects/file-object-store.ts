import type { Stats } from 'node:fs';
import { readdir, rename, rm, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LayerKey } from '../../envelope/index.ts';
import { layerObjectName } from '../../envelope/layers/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import { makeDirectory } from '../../storage/index.ts';
import { isAbsent, statOf, syncPath } from './file-sync.ts';
import { NameTurns } from './name-turns.ts';
import { isShard, nameOfFile, ObjectPaths } from './object-paths.ts';
import type { ObjectFiles, ObjectStore } from './object-store.ts';

export interface ObjectStoreOptions {
  /** `DATA_DIR/vault`, of which `objects` and `staging` are the store's; no other process uses them. */
  readonly folder: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
}

type ListedObject = ObjectFiles & { readonly bytesOnDisk: number; readonly modifiedMs: number };

/** What is there of one object: both files, or what a crash left. */
interface FoundObject {
  readonly files: ObjectFiles;
  readonly isWhole: boolean;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** Makes the folders, and removes what a crash left in `staging`. */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  const paths = new ObjectPaths(options.folder);
  await rm(paths.staging, { recursive: true, force: true });
  for (const folder of [paths.objects, paths.staging]) makeDirectory(folder, 0o700);
  for (const folder of [options.folder, dirname(options.folder)]) await syncPath(folder);
  return new FileObjectStore(paths, options);
}

class FileObjectStore implements ObjectStore {
  readonly #paths: ObjectPaths;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #log: Logger;
  readonly #turns = new NameTurns();

  constructor(paths: ObjectPaths, { clock, entropy, log }: ObjectStoreOptions) {
    this.#paths = paths;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#log = log;
  }

  nameOf(key: LayerKey, diffId: string): string {
    return layerObjectName(key.bytes, diffId);
  }

  async has(name: string): Promise<boolean> {
    const files = this.#paths.stored(name);
    return await this.#turns.run(name, async () => {
      if (!(await this.#found(files)).isWhole) return false;
      await this.#date(files);
      return true;
    });
  }

  files(name: string): ObjectFiles {
    return this.#paths.stored(name);
  }

  async stage(name: string): Promise<ObjectFiles> {
    return this.#paths.newStaged(name, this.#entropy);
  }

  async publish(staged: ObjectFiles): Promise<void> {
    const from = this.#paths.staged(staged);
    const to = this.#paths.stored(staged.name);
    await this.#turns.run(to.name, async () => {
      if ((await this.#found(to)).isWhole) {
        await this.#date(to);
        await this.abandon(from);
      } else await this.#move(from, to);
    });
  }

  async abandon(staged: ObjectFiles): Promise<void> {
    const { dataPath, indexPath } = this.#paths.staged(staged);
    await rm(dataPath, { force: true });
    await rm(indexPath, { force: true });
  }

  async *list(): AsyncGenerator<ListedObject> {
    for await (const { files, isWhole, bytes, modifiedMs } of this.#all()) {
      if (isWhole) yield { ...files, bytesOnDisk: bytes, modifiedMs };
    }
  }

  async collect(
    needed: ReadonlySet<string>,
    graceMs: number,
  ): Promise<{ removed: number; bytes: number }> {
    const collected = { removed: 0, bytes: 0 };
    for await (const { files } of this.#all()) {
      if (needed.has(files.name)) continue;
      const bytes = await this.#turns.run(files.name, () => this.#removeOld(files, graceMs));
      if (bytes === null) continue;
      collected.removed++;
      collected.bytes += bytes;
    }
    if (collected.removed > 0)
      this.#log.info(collected, 'objects that no image needs were removed');
    return collected;
  }

  async bytes(): Promise<number> {
    let sum = 0;
    for await (const { bytes } of this.#all()) sum += bytes;
    return sum;
  }

  /** The data comes last: an object is there when its data is, and then it is whole. */
  async #move(from: ObjectFiles, to: ObjectFiles): Promise<void> {
    const shard = dirname(to.dataPath);
    makeDirectory(shard, 0o700);
    await syncPath(this.#paths.objects);
    await this.#date(from);
    await syncPath(from.dataPath);
    await syncPath(from.indexPath);
    // What a crash left of another sealing is never paired with a file of this one.
    await rm(to.dataPath, { force: true });
    await rename(from.indexPath, to.indexPath);
    await syncPath(shard);
    await rename(from.dataPath, to.dataPath);
    await syncPath(shard);
  }

  /** The grace of an object begins anew when somebody counts on it. */
  async #date({ dataPath, indexPath }: ObjectFiles): Promise<void> {
    const seconds = this.#clock.wallMs() / 1000;
    await utimes(dataPath, seconds, seconds);
    await utimes(indexPath, seconds, seconds);
  }

  /** Bytes that were freed; null if it stays. */
  async #removeOld(files: ObjectFiles, graceMs: number): Promise<number | null> {
    const { bytes, modifiedMs } = await this.#found(files);
    if (modifiedMs > this.#clock.wallMs() - graceMs) return null;
    await rm(files.dataPath, { force: true });
    await rm(files.indexPath, { force: true });
    await syncPath(dirname(files.dataPath));
    return bytes;
  }

  async #found(files: ObjectFiles): Promise<FoundObject> {
    const both = [await statOf(files.dataPath), await statOf(files.indexPath)];
    const there = both.filter((stats): stats is Stats => stats !== null);
    return {
      files,
      isWhole: there.length === both.length,
      bytes: there.reduce((sum, { size }) => sum + size, 0),
      modifiedMs: Math.max(...there.map(({ mtimeMs }) => mtimeMs)),
    };
  }

  /** Each object once, by name; none that comes or goes meanwhile is missed or made up. */
  async *#all(): AsyncGenerator<FoundObject> {
    const shards = (await readdir(this.#paths.objects)).filter(isShard).toSorted();
    for (const shard of shards) {
      const files = await namesIn(this.#paths.shard(shard));
      const names = new Set(files.flatMap((file) => nameOfFile(shard, file) ?? []));
      for (const name of [...names].toSorted()) {
        const found = await this.#found(this.#paths.stored(name));
        if (found.modifiedMs > -Infinity) yield found;
      }
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
