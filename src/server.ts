import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

import { pino } from 'pino';

import {
  diagnoseRoutes,
  identityRoutes,
  kmsRoutes,
  probePort,
  projectRoutes,
  startApi,
} from './api/index.ts';
import { Broker } from './broker/index.ts';
import { isLoopback, packageVersion, type ServerConfig, type SuiteChoice } from './config/index.ts';
import {
  aeadProviders,
  keyedHashInto,
  suiteIds,
  systemEntropy,
  wipe,
  type SuiteId,
  type SuiteProviders,
} from './crypto/index.ts';
import {
  createRecordSealer,
  openDekManager,
  openSealedMeta,
  openStoreKey,
  type StoreKey,
} from './envelope/index.ts';
import { openIdentity, type Identity } from './identity/index.ts';
import { openRootKey, startKeyService, type RootKey } from './kms/index.ts';
import { Metrics } from './metrics/index.ts';
import { createOutgoingClient, createPushSender, type OutgoingClient } from './outgoing/index.ts';
import {
  Closers,
  noFailpoints,
  SystemClock,
  type Clock,
  type Entropy,
  type Failpoints,
  type Logger,
} from './runtime/index.ts';
import {
  lockDataDir,
  openLmdbKeyStore,
  openLmdbStore,
  type DataDirLock,
  type KeyStore,
  type Store,
} from './storage/index.ts';

/** What a test may replace: the moments at which it kills the process, and the log that it reads. */
export interface ServerPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly failpoints: Failpoints;
  readonly log: Logger;
  /** Stands between broker and disk, to show that a test would notice a fault there. */
  readonly wrapStore: (store: Store) => Store;
}

export interface Server {
  /** Such as `http://127.0.0.1:8085`. */
  readonly url: string;
  readonly port: number;
  /** Drains: what was answered is durable, streams end with UNAVAILABLE, everything is closed. */
  stop(): Promise<void>;
}

/** Starts everything on one data directory and one port; resolves when it accepts connections. */
export async function startServer(
  config: ServerConfig,
  given: Partial<ServerPorts> = {},
): Promise<Server> {
  const closers = new Closers();
  const ports = portsFor(config, given);
  try {
    return await start(config, ports, closers);
  } catch (error) {
    await closers.run().catch((err: unknown) => {
      ports.log.warn({ err }, 'what had been opened could not all be closed');
    });
    throw error;
  }
}

function portsFor(config: ServerConfig, given: Partial<ServerPorts>): ServerPorts {
  return {
    clock: new SystemClock(),
    entropy: systemEntropy(),
    failpoints: noFailpoints,
    log: pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true })),
    wrapStore: (store) => store,
    ...given,
  };
}

async function start(config: ServerConfig, ports: ServerPorts, closers: Closers): Promise<Server> {
  const { clock, entropy, log } = ports;
  await probeFirstStart(config);
  const lock = await lockDataDir(config.dataDir, 'starting');
  closers.add(() => lock.release());
  const suite = suiteOf(config.suite);
  const suites = aeadProviders({ clock, entropy, log, ...(suite === undefined ? {} : { suite }) });
  const openedKeys = await openKeys(config, ports, suites, closers);
  const { rootKey, rows, storeKey } = openedKeys;
  const store = await openStore(config, ports, closers);
  let broker: Broker | undefined;
  const metrics = metricsOf(config, clock, store, () => broker);
  const keys = await startKeyService({
    keyStore: rows,
    rootKey,
    suites,
    clock,
    entropy,
    log,
    observer: metrics.kms,
  });
  const deks = await openDekManager({
    ...ports,
    keys,
    rows,
    providers: suites,
    observer: metrics.dek,
  });
  closers.add(() => deks.close());
  const address: Address = { port: config.port, url: '' };
  const identity = await openIdentityAt(address, config, ports, openedKeys, closers);
  const outgoing = openOutgoing(address, config, ports, closers);
  broker = await Broker.open(
    {
      store,
      meta: openSealedMeta({ inner: store.meta, key: storeKey.aead, entropy }),
      deks,
      sealer: createRecordSealer({ key: storeKey.aead, entropy }),
      mac: macOf(storeKey, closers),
      clock,
      entropy,
      log,
      observer: metrics.broker,
      pushSender: createPushSender({
        outgoing,
        idToken: (request) => identity.idTokens.idToken(request),
      }),
      ...(config.region === null ? {} : { region: config.region }),
    },
    { outstandingWindow: config.outstandingMax, openCacheBytes: config.openCacheBytes },
  );
  const running = broker;
  closers.add(() => running.drain());
  const routes = [
    ...kmsRoutes(keys),
    ...projectRoutes(keys),
    ...identityRoutes({ ...identity, clock }),
    ...diagnoseRoutes(running, { version: packageVersion(), node: process.versions.node }),
  ];
  const parts = { broker: running, metrics, routes, lock, identity };
  return await listen(config, ports, parts, closers, address);
}

/** A start that cannot be is not to leave a data directory and a root key that nobody asked for. */
async function probeFirstStart(config: ServerConfig): Promise<void> {
  if (config.port === 0 || existsSync(rootKeyPath(config))) return;
  for (const host of config.hosts) await probePort(host, config.port);
}

/** Of a server whose broker may not be open yet. */
function metricsOf(
  config: ServerConfig,
  clock: Clock,
  store: Pick<Awaited<ReturnType<typeof openStore>>, 'stats'>,
  broker: () => Broker | undefined,
): Metrics {
  return new Metrics({
    clock,
    resourcesMax: config.metricsResourcesMax,
    source: {
      backlogs: async () => (await broker()?.backlogs()) ?? [],
      topics: async () => (await broker()?.topicReports()) ?? [],
      snapshots: async () => (await broker()?.snapshotReports()) ?? [],
      storeStats: () => store.stats(),
      diskFreeBytes: () => freeBytesOf(config.dataDir),
      openedBytes: () => broker()?.openedBytes ?? 0,
    },
  });
}

async function listen(
  config: ServerConfig,
  { clock, entropy, log }: ServerPorts,
  parts: {
    readonly broker: Broker;
    readonly metrics: Metrics;
    readonly routes: ReturnType<typeof kmsRoutes>;
    readonly lock: DataDirLock;
    readonly identity: Identity;
  },
  closers: Closers,
  address: Address,
): Promise<Server> {
  const { broker, metrics, routes, lock, identity } = parts;
  const api = await startApi({
    listen: { hosts: config.hosts, port: config.port },
    publicHosts: config.publicHosts,
    allowOrigins: config.allowOrigins,
    browserOrigins: config.browserOrigins,
    webSocketCompression: config.webSocketCompression,
    browserTokens: identity.browserTokens,
    broker,
    routes,
    ready: () => true,
    metrics: async (accept) => await metrics.page(accept),
    observer: (rpc, code, ms) => metrics.call(rpc, code, ms),
    webSocketObserver: metrics.webSocket,
    clock,
    entropy,
    log,
  });
  lock.describe(api.url);
  address.port = api.port;
  address.url = api.url;
  broker.startPush();
  closers.add(async () => {
    // Streams end while connections are waited for, else each would use up the whole grace.
    const graceMs = config.drainSeconds * 1000;
    const drains = [api.drain(graceMs), broker.drain(graceMs)];
    const failed = (await Promise.allSettled(drains)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  });
  return { url: api.url, port: api.port, stop: () => closers.run() };
}

/** Where the API can be called: known only once it listens, when the system chooses the port. */
interface Address {
  port: number;
  url: string;
}

async function openIdentityAt(
  address: Address,
  config: ServerConfig,
  { clock, log }: ServerPorts,
  keys: Keys,
  closers: Closers,
): Promise<Identity> {
  const issuer = (): string => config.issuer ?? address.url;
  const identity = await openIdentity({ ...keys, clock, log, issuer });
  closers.add(() => identity.close());
  return identity;
}

function openOutgoing(
  own: Address,
  config: ServerConfig,
  { clock }: ServerPorts,
  closers: Closers,
): OutgoingClient {
  const hosts = config.hosts.map((host) => (host === 'localhost' ? '127.0.0.1' : host));
  const outgoing = createOutgoingClient({
    policy: {
      // A public name means that others reach us through a proxy, wherever we listen.
      isLoopbackOnly: hosts.every(isLoopback) && config.publicHosts.length === 0,
      allow: config.outgoingAllow,
      ownListeners: () => hosts.map((address) => ({ address, port: own.port })),
    },
    clock,
    caFile: config.outgoingCa,
  });
  closers.add(() => outgoing.close());
  return outgoing;
}

const rootKeyPath = ({ keysDir }: ServerConfig): string => join(keysDir, 'root-key');

interface Keys {
  readonly rootKey: RootKey;
  readonly rows: KeyStore;
  readonly storeKey: StoreKey;
}

async function openKeys(
  config: ServerConfig,
  { clock, entropy, failpoints, log }: ServerPorts,
  suites: SuiteProviders,
  closers: Closers,
): Promise<Keys> {
  const { dataDir } = config;
  const path = rootKeyPath(config);
  const rootKey = openRootKey({ path, dataDir, suites, entropy, log });
  closers.add(() => rootKey.destroy());
  const rows = await openLmdbKeyStore({ path: join(dataDir, 'keys'), clock, log, failpoints });
  closers.add(() => rows.close());
  const storeKey = await openStoreKey({ rows, rootKey, entropy, providers: suites });
  closers.add(() => storeKey.destroy());
  return { rootKey, rows, storeKey };
}

async function openStore(
  config: ServerConfig,
  { clock, entropy, failpoints, log, wrapStore }: ServerPorts,
  closers: Closers,
): Promise<Store> {
  const store = await openLmdbStore({ dataDir: config.dataDir, clock, log, failpoints, entropy });
  closers.add(() => store.close());
  return wrapStore(store);
}

function freeBytesOf(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

function macOf(storeKey: StoreKey, closers: Closers): (input: Uint8Array, out: Uint8Array) => void {
  const key = storeKey.deriveKey('ack ids and page tokens');
  closers.add(() => wipe(key));
  return (input, out) => keyedHashInto(key, input, out);
}

function suiteOf(choice: SuiteChoice): SuiteId | undefined {
  if (choice === 'xchacha20-poly1305') return suiteIds.xchacha20Poly1305;
  return choice === 'xaes-256-gcm' ? suiteIds.xaes256Gcm : undefined;
}
