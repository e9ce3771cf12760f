import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { syncPath } from './directory-sync.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import { storageErrorFrom } from './lmdb-fault.ts';

/** What the environment of the keys offers to a backup. */
export interface KeySource {
  /**
   * Writes `folder`/data.mdb, 0600 and synced, without free pages: what was erased is not in it.
   * From the begin of `meanwhile` to the end of the copy no key is written or erased; calls wait.
   */
  copyTo(folder: string, meanwhile: () => Promise<void>): Promise<void>;
}

/** The caller sees to it that nothing is written meanwhile. */
export async function copyKeys(
  environment: LmdbEnvironment,
  folder: string,
  meanwhile: () => Promise<void>,
): Promise<void> {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    throw storageErrorFrom(error, `The folder ${folder} cannot be made`);
  }
  await meanwhile();
  await environment.copyCompact(folder);
  const copy = join(folder, 'data.mdb');
  chmodSync(copy, 0o600);
  syncPath(copy);
  syncPath(folder);
}
