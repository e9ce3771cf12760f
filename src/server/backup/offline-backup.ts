import { existsSync } from 'node:fs';

import {
  BackupRun,
  bytesOf,
  checkBackup,
  type Manifest,
  noOpenSources,
  restoreBackup,
  type RootKeyIds,
} from '../../backup/index.ts';
import { packageVersion, type ServerConfig } from '../../config/index.ts';
import { systemEntropy } from '../../crypto/index.ts';
import { rootKeyStatusAt } from '../../kms/index.ts';
import { SystemClock } from '../../runtime/index.ts';
import { lockDataDir, StorageError } from '../../storage/index.ts';
import { rootKeyPath as pathOfRootKey } from '../root-key-settings.ts';

/** How a command on files tells where it is: bytes so far, and of all. */
export type Progress = (bytes: number, totalBytes: number) => void;

const lookMs = 200;

/**
 * The backup of a stopped server, under the lock of its data directory; needs neither the root key
 * nor its secret. Returns the bytes that were written.
 *
 * @throws StorageError if a server runs there, which the message names; RpcError as BackupRun
 */
export async function backupOffline(
  config: ServerConfig,
  directory: string,
  progress: Progress,
): Promise<number> {
  const { dataDir, keysDir } = config;
  // A command on files must not make a new directory by a slip of the pen.
  if (!existsSync(dataDir)) throw new StorageError('io', `There is no data directory ${dataDir}`);
  const lock = await lockDataDir(dataDir, 'sealpost backup');
  const clock = new SystemClock();
  try {
    const parts = { dataDir, keysDir, open: noOpenSources(), clock, version: packageVersion() };
    const { signal } = new AbortController();
    const rootKey = (): RootKeyIds | null => rootKeyAt(config);
    const run = new BackupRun(directory, { ...parts, rootKey }, signal);
    await run.open();
    const tell = (): void => {
      progress(run.progress.bytes, run.progress.totalBytes);
      cancel = clock.schedule(clock.monotonicMs() + lookMs, tell);
    };
    let cancel = clock.schedule(clock.monotonicMs() + lookMs, tell);
    await run.perform().finally(() => cancel());
    return run.progress.bytes;
  } finally {
    lock.release();
  }
}

/** Null where the file is away, as it may be. */
function rootKeyAt(config: ServerConfig): RootKeyIds | null {
  const path = pathOfRootKey(config);
  return existsSync(path) ? rootKeyStatusAt(path) : null;
}

/** What a backup says of itself, and the root key that is where it was restored. */
export interface CheckedBackup {
  readonly startTime: string;
  readonly version: string;
  readonly bytes: number;
  readonly rootKeyId: string | null;
  readonly rootKeyPath: string;
  /** Null: no file is there. */
  readonly foundRootKeyId: string | null;
}

/** Compares every file with the manifest. @throws RpcError DATA_LOSS that names the first other one */
export async function checkBackupAt(
  config: ServerConfig,
  backup: string,
  progress: Progress,
): Promise<CheckedBackup> {
  return checked(config, await checkBackup(backup, progress));
}

/** Writes a backup to the configuration's data directory, which must be new. Opens no key. */
export async function restoreTo(
  config: ServerConfig,
  backup: string,
  progress: Progress,
): Promise<CheckedBackup> {
  const { dataDir } = config;
  const clock = new SystemClock();
  const parts = { backup, dataDir, clock, entropy: systemEntropy(), progress };
  return checked(config, await restoreBackup(parts));
}

function checked(config: ServerConfig, manifest: Manifest): CheckedBackup {
  const { startTime, version, rootKeyId } = manifest;
  const rootKeyPath = pathOfRootKey(config);
  const foundRootKeyId = rootKeyAt(config)?.id ?? null;
  return { startTime, version, bytes: bytesOf(manifest), rootKeyId, rootKeyPath, foundRootKeyId };
}
