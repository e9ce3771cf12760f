import { existsSync } from 'node:fs';

import { noAuditObserver } from '../audit/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { aeadProviders } from '../crypto/index.ts';
import type { ServiceAccount } from '../identity/index.ts';
import { RootKeyError } from '../kms/index.ts';
import { RpcError } from '../rpc/index.ts';
import { Closers } from '../runtime/index.ts';
import { lockDataDir } from '../storage/index.ts';
import { openAccountsAt } from './opened-accounts.ts';
import { openAudit } from './opened-audit.ts';
import { openKeys } from './opened-stores.ts';
import { portsFor, type ServerPorts } from './ports.ts';
import { rootKeyPath } from './root-key-settings.ts';

export interface OfflineAccount {
  readonly project: string;
  /** 6 to 30 characters: what is before the `@`. */
  readonly id: string;
  readonly displayName: string;
  /** Where the server will be: `https://pubsub.example.com:8085`. The file names it and `/token`. */
  readonly serverUrl: string;
}

export interface CreatedAccount {
  readonly account: ServiceAccount;
  /** A credentials file; the caller writes it (0600) and wipes it. */
  readonly credentials: Uint8Array;
}

const caller = { principalEmail: 'anonymous' };

/**
 * Makes a service account with a key on the data directory of a stopped server, under its lock: the
 * first one, before anybody can call. An account that is there already gets one key more. It is an
 * administrator once the server is started with `--admin serviceAccount:EMAIL`.
 *
 * @throws StorageError if a server runs there, which the message names; RootKeyError, RpcError
 */
export async function createAccountOffline(
  config: ServerConfig,
  { project, id, displayName, serverUrl }: OfflineAccount,
  given: Partial<ServerPorts> = {},
): Promise<CreatedAccount> {
  requireRootKey(config);
  const ports = portsFor(config, given);
  const closers = new Closers();
  try {
    const lock = await lockDataDir(config.dataDir, 'accounts create');
    closers.add(() => lock.release());
    const suites = aeadProviders(ports);
    const openedKeys = await openKeys(config, ports, suites, closers);
    const metrics = { audit: noAuditObserver };
    const audit = await openAudit({ openedKeys, suites, metrics }, config, ports, closers);
    const { accounts, keys } = await openAccountsAt({ openedKeys, suites, audit }, ports, closers);
    const account = await accounts
      .create({ project, id, displayName, description: '' }, caller)
      .catch((error: unknown) => {
        if (!(error instanceof RpcError) || error.code !== 'ALREADY_EXISTS') throw error;
        return accounts.list(project).find(({ email }) => email.startsWith(`${id}@`))!;
      });
    const tokenUri = new URL('/token', serverUrl).href;
    const { credentials } = await keys.create(account, tokenUri, caller);
    return { account, credentials };
  } finally {
    await closers.run();
  }
}

/** A command on files must not make a new directory by a slip of the pen. */
function requireRootKey(config: ServerConfig): void {
  const path = rootKeyPath(config);
  if (existsSync(path)) return;
  throw new RootKeyError(`there is no root key ${path}: name the directory with --data-dir`);
}
