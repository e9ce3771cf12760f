import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

import { probePort } from '../api/index.ts';
import type { OpenSources } from '../backup/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { SuiteProviders } from '../crypto/index.ts';
import { openStoreKey, type StoreKey } from '../envelope/index.ts';
import { openRootKey, type HeldRootKey } from '../kms/index.ts';
import type { Closers } from '../runtime/index.ts';
import { openLmdbKeyStore, openLmdbStore, type KeyStore, type Store } from '../storage/index.ts';
import type { ServerPorts } from './ports.ts';
import { rootKeyPath, sealSecretsOf } from './root-key-settings.ts';

/** The root key, the environment of keys that it protects, and the key of metadata and records. */
export interface OpenedKeys {
  readonly rootKey: HeldRootKey;
  readonly rows: KeyStore;
  readonly storeKey: StoreKey;
}

/** A start that cannot be is not to leave a data directory and a root key that nobody asked for. */
export async function probeFirstStart(config: ServerConfig): Promise<void> {
  if (config.port === 0 || existsSync(rootKeyPath(config))) return;
  for (const host of config.hosts) await probePort(host, config.port);
}

export async function openKeys(
  config: ServerConfig,
  ports: ServerPorts,
  suites: SuiteProviders,
  closers: Closers,
  sources?: OpenSources,
): Promise<OpenedKeys> {
  const { clock, entropy, failpoints, log } = ports;
  const { dataDir, rootKeySource: source } = config;
  const path = rootKeyPath(config);
  const secrets = sealSecretsOf(config, ports);
  const rootKey = await openRootKey({ ...ports, path, dataDir, suites, source, secrets });
  closers.add(() => rootKey.destroy());
  const rows = await openLmdbKeyStore({ path: join(dataDir, 'keys'), clock, log, failpoints });
  closers.add(() => rows.close());
  if (sources) sources.keys = rows;
  const storeKey = await openStoreKey({ rows, rootKey, entropy, providers: suites });
  closers.add(() => storeKey.destroy());
  return { rootKey, rows, storeKey };
}

/** Messages and metadata. */
export async function openStore(
  config: ServerConfig,
  { clock, entropy, failpoints, log, wrapStore }: ServerPorts,
  closers: Closers,
  sources: OpenSources,
): Promise<Store> {
  const store = await openLmdbStore({ dataDir: config.dataDir, clock, log, failpoints, entropy });
  closers.add(() => store.close());
  sources.data.set('store', store);
  return wrapStore(store);
}

export function freeBytesOf(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
