import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lockDataDir } from '../data-dir-lock.ts';
import { allocatedBytes, compactEnvironment, removeUnfinishedCopy } from './compacting-copy.ts';
import { LmdbEnvironment } from './lmdb-environment.ts';
import { storeDatabases } from './segment-record.ts';

/** Bytes on disk, all environments together. */
export interface CompactionReport {
  readonly before: number;
  readonly after: number;
}

const environments: Readonly<Record<string, readonly string[]>> = {
  store: storeDatabases,
  'audit/store': storeDatabases,
  keys: ['meta'],
};

const silent = { beforeRename: (): void => undefined, afterRename: (): void => undefined };

/**
 * Gives the free pages of a stopped server's environments back to the disk. Needs room for a copy
 * of what is in use. Throws StorageError('inUse') if a server runs on the directory.
 */
export async function compactStore(options: {
  readonly dataDir: string;
  /** Called as each environment begins and ends, with its bytes on disk. */
  readonly progress?: (name: string, bytes: number) => void;
}): Promise<CompactionReport> {
  const lock = await lockDataDir(options.dataDir, 'sealpost compact');
  const report = { before: 0, after: 0 };
  try {
    for (const [name, databases] of Object.entries(environments)) {
      const path = join(options.dataDir, name);
      if (!existsSync(join(path, 'data.mdb'))) continue;
      removeUnfinishedCopy(path);
      const before = allocatedBytes(path);
      options.progress?.(name, before);
      await compactOne(path, databases);
      report.before += before;
      report.after += allocatedBytes(path);
      options.progress?.(name, allocatedBytes(path));
    }
  } finally {
    lock.release();
  }
  return report;
}

async function compactOne(path: string, databases: readonly string[]): Promise<void> {
  const environment = new LmdbEnvironment({ path, databases });
  try {
    await compactEnvironment(environment, path, silent);
  } finally {
    await environment.close();
  }
}
