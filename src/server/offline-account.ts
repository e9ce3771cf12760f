import { existsSync } from 'node:fs';

import { noAuditObserver } from '../audit/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { aeadProviders } from '../crypto/index.ts';
import type { AccountStore, ServiceAccount } from '../identity/index.ts';
import { Closers } from '../runtime/index.ts';
import { lockDataDir } from '../storage/index.ts';
import { ownUrl } from './address.ts';
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
  /**
   * Where the server will be: `https://pubsub.example.com:8085`. The file names it and `/token`.
   * Absent: where it says itself that it is.
   */
  readonly serverUrl?: string;
}

export interface CreatedAccount {
  readonly account: ServiceAccount;
  /** False: it was there already, and has one key more. */
  readonly isNew: boolean;
  /** The root key file of a data directory that was made, too. */
  readonly newRootKey?: string;
  /** A credentials file; the caller writes it (0600) and wipes it. */
  readonly credentials: Uint8Array;
}

const caller = { principalEmail: 'anonymous' };

/**
 * Makes a service account with a key on the data directory of a stopped server, under its lock: the
 * first one, before anybody can call. A directory that no server has used yet is made, with its root
 * key, as a first start does. An account that is there already gets one key more. It is an
 * administrator once the server is started with `--admin serviceAccount:EMAIL`.
 *
 * @throws StorageError if a server runs there, which the message names; RootKeyError, RpcError
 */
export async function createAccountOffline(
  config: ServerConfig,
  request: OfflineAccount,
  given: Partial<ServerPorts> = {},
): Promise<CreatedAccount> {
  const rootKey = rootKeyPath(config);
  const isFirst = !existsSync(rootKey);
  const ports = portsFor(config, given);
  const closers = new Closers();
  try {
    const lock = await lockDataDir(config.dataDir, 'accounts create');
    closers.add(() => lock.release());
    const suites = aeadProviders(ports);
    const openedKeys = await openKeys(config, ports, suites, closers);
    const metrics = { audit: noAuditObserver };
    const audit = await openAudit({ openedKeys, suites, metrics }, config, ports, closers);
    const store = await openAccountsAt({ openedKeys, suites, audit }, ports, closers);
    const { account, isNew } = await accountOf(store, request);
    const { issuer, port } = config;
    const serverUrl = request.serverUrl ?? issuer ?? ownUrl(port, config);
    const tokenUri = new URL('/token', serverUrl).href;
    const { credentials } = await store.keys.create(account, tokenUri, caller);
    return { account, isNew, credentials, ...(isFirst && { newRootKey: rootKey }) };
  } finally {
    await closers.run();
  }
}

/** The account of that id: made, unless it is there. */
async function accountOf(
  { accounts }: AccountStore,
  { project, id, displayName }: OfflineAccount,
): Promise<Pick<CreatedAccount, 'account' | 'isNew'>> {
  const known = accounts.list(project).find(({ email }) => email.startsWith(`${id}@`));
  if (known !== undefined) return { account: known, isNew: false };
  const given = { project, id, displayName, description: '' };
  return { account: await accounts.create(given, caller), isNew: true };
}
