import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeUnfinishedCopy } from './compacting-copy.ts';
import { takeSnapshot, type DataSource } from './environment-snapshot.ts';
import { copyKeys, type KeySource } from './key-copy.ts';
import { LmdbEnvironment } from './lmdb-environment.ts';
import { storeDatabases } from './segment-record.ts';

export interface StoppedData extends DataSource {
  close(): Promise<void>;
}

export interface StoppedKeys extends KeySource {
  close(): Promise<void>;
}

/**
 * The environment `store` of a folder that no store has open, or null if there is none. The caller
 * holds the lock of the data directory. Throws StorageError.
 */
export function openStoppedData(folder: string): StoppedData | null {
  const environment = openExisting(join(folder, 'store'), storeDatabases);
  if (environment === null) return null;
  return {
    // oxlint-disable-next-line typescript/require-await -- that of a running store waits
    snapshot: async () => takeSnapshot(environment),
    close: () => environment.close(),
  };
}

/** The same of the keys' environment at `path`. */
export function openStoppedKeys(path: string): StoppedKeys | null {
  const environment = openExisting(path, ['meta']);
  if (environment === null) return null;
  return {
    copyTo: (folder, meanwhile) => copyKeys(environment, folder, meanwhile),
    close: () => environment.close(),
  };
}

function openExisting(path: string, databases: readonly string[]): LmdbEnvironment | null {
  if (!existsSync(join(path, 'data.mdb'))) return null;
  removeUnfinishedCopy(path);
  return new LmdbEnvironment({ path, databases });
}
