import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { open, type Database, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import { makeDirectory } from '../directory.ts';
import { StorageError } from '../storage-error.ts';
import { checkDataFile } from './data-file-check.ts';
import { syncPath } from './directory-sync.ts';
import { storageErrorFrom } from './lmdb-fault.ts';

export type Binary = Database<Uint8Array, Uint8Array>;

/** One change of a transaction; `value` null deletes. */
export interface Write {
  readonly database: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** Pages that stay what they are, however much is written meanwhile: they are not used again. */
export interface PinnedPages {
  /** False once the files were closed: from then on pages may have been used again. */
  readonly isHeld: boolean;
  release(): void;
}

export interface EnvironmentOptions {
  /** Directory of data.mdb and lock.mdb; made if absent. */
  readonly path: string;
  readonly databases: readonly string[];
  /** First size of the memory map, bytes; it grows by itself. */
  readonly mapBytes?: number;
  /** False leaves every flush to the system, so that a test can show what notices that. */
  readonly isSynced?: boolean;
}

/**
 * One LMDB environment whose commits are durable when they resolve, and which can be opened again
 * after a fault.
 *
 * `overlappingSync` is off: with it a commit resolves before its flush, and the file goes through
 * states that only a second, later transaction makes safe. A transaction is made of the writes of
 * one call and is carried out by a worker thread; the caller never starts a second one beside it.
 */
export class LmdbEnvironment {
  readonly #options: EnvironmentOptions;
  #root: RootDatabase<Uint8Array, Uint8Array> | null = null;
  readonly #databases = new Map<string, Binary>();
  readonly #pins = new Set<PinnedPages>();

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    this.#open();
  }

  get dataFile(): string {
    return join(this.#options.path, 'data.mdb');
  }

  database(name: string): Binary {
    const database = this.#databases.get(name);
    if (!database) throw new StorageError('io', `The database ${name} could not be opened again`);
    return database;
  }

  /**
   * Throws a StorageError if the file may not be written now. LMDB must not be the one to find out:
   * version 3.5.6 of its binding damages the heap when the write of a page fails.
   */
  assertWritable(): void {
    try {
      accessSync(this.dataFile, constants.W_OK);
    } catch (error) {
      throw storageErrorFrom(error, 'The store cannot be written');
    }
  }

  /** Number of the last transaction that readers can see. */
  lastTransaction(): number {
    return (this.#rootOrThrow().getStats() as { lastTxnId: number }).lastTxnId;
  }

  /** Entries of these databases together, from the trees' roots: no scan. */
  entryCount(names: readonly string[]): number {
    const countOf = (name: string): number =>
      (this.database(name).getStats() as { entryCount: number }).entryCount;
    return names.reduce((sum, name) => sum + countOf(name), 0);
  }

  /**
   * All writes in one transaction, on disk when it resolves. Rejects with a StorageError.
   *
   * `isBlocking` writes on the calling thread, which spares two changes of thread and stops
   * everything else meanwhile.
   */
  async commit(writes: readonly Write[], isBlocking: boolean = false): Promise<void> {
    try {
      if (isBlocking) this.#submitNow(writes);
      else await this.#submit(writes);
    } catch (error) {
      throw storageErrorFrom(await causeOf(error), 'A commit failed');
    }
  }

  /** Drops everything that is cached of a failed commit and opens the files again. */
  async reopen(): Promise<void> {
    await this.close();
    try {
      this.#open();
    } catch (error) {
      throw storageErrorFrom(error, `The store at ${this.#options.path} cannot be opened again`);
    }
  }

  /** Writes a copy without free pages into the directory `path`; not yet synced. */
  async copyCompact(path: string): Promise<void> {
    try {
      await this.#rootOrThrow().backup(path, true);
    } catch (error) {
      throw storageErrorFrom(error, 'The compacting copy failed');
    }
  }

  /** Pins what readers see now. Nothing may be on its way to the disk. */
  pin(): PinnedPages {
    const root = this.#rootOrThrow();
    // One of this turn may be older than the last commit.
    root.resetReadTxn();
    const transaction = root.useReadTransaction();
    const pins = this.#pins;
    const pin: PinnedPages = {
      get isHeld() {
        return pins.has(pin);
      },
      release: () => {
        if (pins.delete(pin)) transaction.done();
      },
    };
    pins.add(pin);
    return pin;
  }

  async close(): Promise<void> {
    for (const pin of this.#pins) pin.release();
    const root = this.#root;
    this.#root = null;
    this.#databases.clear();
    await root?.close().catch(() => undefined);
  }

  #open(): void {
    const { path, databases, mapBytes, isSynced = true } = this.#options;
    try {
      checkDataFile(this.dataFile);
      makeDirectory(path, 0o777);
      const settings: RootDatabaseOptionsWithPath & { noReadAhead: boolean } = {
        path,
        encoding: 'binary',
        keyEncoding: 'binary',
        maxDbs: databases.length + 2,
        noReadAhead: true,
        noSubdir: false,
        overlappingSync: false,
        noSync: !isSynced,
        ...(mapBytes === undefined ? {} : { mapSize: mapBytes }),
      };
      const root = open<Uint8Array, Uint8Array>(settings);
      this.#root = root;
      for (const name of databases) {
        this.#databases.set(name, root.openDB({ name, encoding: 'binary', keyEncoding: 'binary' }));
      }
      // LMDB syncs what is in its file, not the file's name.
      for (const directory of [path, dirname(path)]) syncPath(directory);
    } catch (error) {
      throw storageErrorFrom(error, `The store at ${path} cannot be opened`);
    }
  }

  async #submit(writes: readonly Write[]): Promise<void> {
    let done: Promise<unknown> = Promise.resolve();
    for (const write of writes) done = this.#apply(write);
    await done;
  }

  #submitNow(writes: readonly Write[]): void {
    this.#rootOrThrow().transactionSync(() => {
      for (const write of writes) void this.#apply(write);
    });
  }

  #apply(write: Write): Promise<boolean> {
    const database = this.database(write.database);
    return write.value === null ? database.remove(write.key) : database.put(write.key, write.value);
  }

  #rootOrThrow(): RootDatabase<Uint8Array, Uint8Array> {
    if (!this.#root) throw new StorageError('io', 'The store could not be opened again');
    return this.#root;
  }
}

/** lmdb rejects with a wrapper whose `commitError` is a promise that rejects with the cause. */
async function causeOf(error: unknown): Promise<unknown> {
  const cause = (error as { commitError?: Promise<unknown> }).commitError;
  if (!cause) return error;
  return cause.then(
    () => error,
    (inner: unknown) => inner,
  );
}
