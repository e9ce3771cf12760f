import { createHash } from 'node:crypto';
import { join } from 'node:path';

import type { OpenSources } from '../backup/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { SuiteProviders } from '../crypto/index.ts';
import type { KeyService } from '../kms/index.ts';
import type { Metrics, VaultReport } from '../metrics/index.ts';
import { createOutgoingClient, type OutgoingClient } from '../outgoing/index.ts';
import { noFailpoints, type Closers } from '../runtime/index.ts';
import { makeDirectory, openLmdbStore } from '../storage/index.ts';
import {
  createBwrapDriver,
  createImageSources,
  createRuncDriver,
  openVault,
  type Vault,
} from '../vault/index.ts';
import type { Address } from './address.ts';
import { derivedKey } from './derived-key.ts';
import type { OpenedKeys } from './opened-stores.ts';
import { listenersOf } from './outgoing.ts';
import type { ServerPorts } from './ports.ts';

export interface VaultParts {
  readonly openedKeys: OpenedKeys;
  readonly suites: SuiteProviders;
  readonly keys: KeyService;
  readonly metrics: Metrics;
  readonly address: Address;
  readonly sources: OpenSources;
}

/** Freed when the disk is full: rows of what ends meanwhile. */
const reserveBytes = 4 * 1024 * 1024;

/** The vault of a data directory, under `DATA_DIR/vault`; what it opens is in memory elsewhere. */
export async function openVaultAt(
  { openedKeys, suites, keys, metrics, address, sources }: VaultParts,
  config: ServerConfig,
  ports: ServerPorts,
  closers: Closers,
): Promise<Vault> {
  const folder = join(config.dataDir, 'vault');
  makeDirectory(folder, 0o700);
  const runtimeFolder = runtimeFolderOf(config);
  const options = { ...ports, dataDir: folder, reserveBytes, failpoints: noFailpoints };
  const store = await openLmdbStore(options);
  closers.add(() => store.close());
  sources.data.set('vault/store', store);
  const createDriver = config.vaultDriver === 'runc' ? createRuncDriver : createBwrapDriver;
  const vault = await openVault({
    ...ports,
    folder,
    runtimeFolder,
    store,
    storeKey: derivedKey(openedKeys, suites, 'vault', closers),
    keyRows: openedKeys.rows,
    keys,
    driver: createDriver({ ...ports, runtimeFolder }),
    sources: createImageSources({
      ...ports,
      outgoing: openRegistries(address, config, ports, closers),
      hosts: config.registryHosts,
      mirrors: config.registryMirrors,
      credentialsFile: config.registryAuthFile,
      allowsLocal: config.localImages,
    }),
    observer: metrics.vault,
    publicHosts: config.publicHosts,
    urlOf: (prefix) => `${schemeOf(config)}://${prefix}.localhost:${address.port}`,
    checkMs: config.vaultCheckSeconds * 1000,
    hourMs: config.vaultHourMs,
    idleMs: config.vaultIdleSeconds * 1000,
    instancesMax: config.vaultInstancesMax,
    logBytesMax: config.vaultLogBytes,
  });
  closers.add(() => vault.close());
  return vault;
}

const schemeOf = ({ tlsCert }: ServerConfig): string => (tlsCert === null ? 'http' : 'https');

/** What the metrics page shows of it. */
export async function vaultReport(vault: Vault, { clock }: ServerPorts): Promise<VaultReport> {
  return { ...(await vault.status()), nowMs: clock.wallMs() };
}

/** Short enough for the path of a socket, and another one for each data directory. */
function runtimeFolderOf({ vaultRuntimeDir, dataDir }: ServerConfig): string {
  if (vaultRuntimeDir !== null) return vaultRuntimeDir;
  const digest = createHash('sha256').update(dataDir).digest('hex').slice(0, 8);
  return `/dev/shm/sealpost-${digest}`;
}

/** The operator names the registries: they may be wherever they run them, but not ourselves. */
function openRegistries(
  address: Address,
  config: ServerConfig,
  { clock }: ServerPorts,
  closers: Closers,
): OutgoingClient {
  const outgoing = createOutgoingClient({
    policy: { isLoopbackOnly: true, allow: [], ownListeners: () => listenersOf(address, config) },
    clock,
    caFile: config.registryCa,
  });
  closers.add(() => outgoing.close());
  return outgoing;
}
