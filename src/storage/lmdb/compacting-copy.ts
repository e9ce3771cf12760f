import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncPath } from './directory-sync.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import { storageErrorFrom } from './lmdb-fault.ts';

/** Where the copy is made: beside the environment, hence on the same file system. */
function copyPath(path: string): string {
  return `${path}.compact`;
}

/** Removes what an interrupted compaction left. The environment itself is whole at any moment. */
export function removeUnfinishedCopy(path: string): void {
  try {
    rmSync(copyPath(path), { recursive: true, force: true });
  } catch (error) {
    throw storageErrorFrom(error, 'The leftover of a compaction cannot be removed');
  }
}

/**
 * Rewrites the environment at `path` without free pages: copy, sync, rename over. It is closed
 * afterwards. A crash leaves either the old file or the new one, both with every row.
 */
export async function compactEnvironment(
  environment: LmdbEnvironment,
  path: string,
  moments: { readonly beforeRename: () => void; readonly afterRename: () => void },
): Promise<void> {
  removeUnfinishedCopy(path);
  const copy = copyPath(path);
  try {
    mkdirSync(copy);
    await environment.copyCompact(copy);
    syncPath(join(copy, 'data.mdb'));
    syncPath(copy);
    await environment.close();
    moments.beforeRename();
    renameSync(join(copy, 'data.mdb'), join(path, 'data.mdb'));
    syncPath(path);
    moments.afterRename();
  } catch (error) {
    throw storageErrorFrom(error, 'The compaction failed');
  } finally {
    removeUnfinishedCopy(path);
  }
  syncPath(dirname(path));
}

/** Bytes that the environment's file takes on disk. */
export function allocatedBytes(path: string): number {
  const found = statSync(join(path, 'data.mdb'), { throwIfNoEntry: false });
  return found ? found.blocks * 512 : 0;
}
