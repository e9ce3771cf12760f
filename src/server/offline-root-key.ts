import { existsSync } from 'node:fs';

import { noAuditObserver } from '../audit/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { aeadProviders } from '../crypto/index.ts';
import {
  type ResealRequest,
  RootKeyError,
  rootKeyStatusAt,
  type RootKeyStatus,
} from '../kms/index.ts';
import { Closers } from '../runtime/index.ts';
import { lockDataDir } from '../storage/index.ts';
import { openAudit } from './opened-audit.ts';
import { openRootKeyKeeper } from './opened-root-key.ts';
import { openKeys } from './opened-stores.ts';
import { portsFor, type ServerPorts } from './ports.ts';
import { rootKeyPath } from './root-key-settings.ts';

/** What seals the root key of a stopped server; opens nothing. @throws RootKeyError */
export function offlineRootKeyStatus(config: ServerConfig): RootKeyStatus {
  return rootKeyStatusAt(requireRootKey(config));
}

/**
 * Seals the root key of a stopped server anew, under the lock of its data directory.
 *
 * @throws StorageError if a server runs there, which the message names; RootKeyError, RpcError as
 * RootKeyKeeper.reseal
 */
export async function resealOffline(
  config: ServerConfig,
  request: ResealRequest,
  given: Partial<ServerPorts> = {},
): Promise<RootKeyStatus> {
  requireRootKey(config);
  const ports = portsFor(config, given);
  const closers = new Closers();
  try {
    const lock = await lockDataDir(config.dataDir, 'root reseal');
    closers.add(() => lock.release());
    const suites = aeadProviders(ports);
    const openedKeys = await openKeys(config, ports, suites, closers);
    const metrics = { audit: noAuditObserver };
    const audit = await openAudit({ openedKeys, suites, metrics }, config, ports, closers);
    const keeper = await openRootKeyKeeper({ openedKeys, suites, audit }, config, ports, 0);
    return await keeper.reseal(request, { principalEmail: 'anonymous' });
  } finally {
    await closers.run();
  }
}

/** Where it is. A command on files must not make a new directory by a slip of the pen. */
function requireRootKey(config: ServerConfig): string {
  const path = rootKeyPath(config);
  if (existsSync(path)) return path;
  throw new RootKeyError(`there is no root key ${path}: name the directory with --data-dir`);
}
