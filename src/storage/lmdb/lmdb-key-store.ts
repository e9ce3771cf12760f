import { noFailpoints, type Clock, type Failpoints, type Logger } from '../../runtime/index.ts';
import type { KeyStore } from '../meta-store.ts';
import { CommitQueue } from './commit-queue.ts';
import { compactEnvironment, removeUnfinishedCopy } from './compacting-copy.ts';
import { LmdbEnvironment } from './lmdb-environment.ts';
import { copyKeys, type KeySource } from './key-copy.ts';
import { LmdbMetaStore, MetaRows } from './meta-rows.ts';
import { unreservedSpace } from './space-reserve.ts';

export interface LmdbKeyStoreOptions {
  /** Directory of the environment; DATA_DIR/keys by convention. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly failpoints: Failpoints;
}

/** Keys in an environment of their own; every transaction is on disk when it resolves. */
export class LmdbKeyStore extends LmdbMetaStore implements KeyStore, KeySource {
  readonly #path: string;
  readonly #environment: LmdbEnvironment;
  readonly #commits: CommitQueue;
  readonly #failpoints: Failpoints;

  constructor(options: LmdbKeyStoreOptions) {
    removeUnfinishedCopy(options.path);
    const environment = new LmdbEnvironment({ path: options.path, databases: ['meta'] });
    const rows = new MetaRows(environment);
    const commits = new CommitQueue({
      environment,
      mirrors: [rows],
      space: unreservedSpace(options.path, options.clock),
      clock: options.clock,
      log: options.log,
      failpoints: noFailpoints,
    });
    super(rows, commits);
    this.#path = options.path;
    this.#environment = environment;
    this.#commits = commits;
    this.#failpoints = options.failpoints;
  }

  compact(): Promise<void> {
    return this.#commits.exclusive(() =>
      compactEnvironment(this.#environment, this.#path, {
        beforeRename: () => this.#failpoints('beforeKeyCompactionRename'),
        afterRename: () => this.#failpoints('afterKeyCompactionRename'),
      }),
    );
  }

  copyTo(folder: string, meanwhile: () => Promise<void>): Promise<void> {
    return this.#commits.exclusive(() => copyKeys(this.#environment, folder, meanwhile));
  }

  async close(): Promise<void> {
    await this.#commits.close();
    await this.#environment.close();
  }
}

/** Opens the key environment. Throws StorageError; the caller holds the directory's lock. */
export async function openLmdbKeyStore(options: LmdbKeyStoreOptions): Promise<LmdbKeyStore> {
  return new LmdbKeyStore(options);
}
