import {
  auditRoutes,
  diagnoseRoutes,
  identityRoutes,
  loggingMethods,
  rootKeyRoutes,
  verificationRoutes,
} from './api/index.ts';
import { auditPart } from './audit/index.ts';
import type { Broker, BrokerService } from './broker/index.ts';
import {
  packageVersion,
  requireNamedFiles,
  type ServerConfig,
  type SuiteChoice,
} from './config/index.ts';
import { aeadProviders, suiteIds, type SuiteId } from './crypto/index.ts';
import { Metrics } from './metrics/index.ts';
import { Closers, type Clock } from './runtime/index.ts';
import { absentBroker } from './server/absent-broker.ts';
import type { Address } from './server/address.ts';
import { createKeyPolicy } from './server/key-policy.ts';
import { brokerGuard } from './server/destruction-guard.ts';
import { keyApi, keyUseApi } from './server/key-api.ts';
import { openKeyServices } from './server/key-services.ts';
import { listen } from './server/listening.ts';
import { openAudit } from './server/opened-audit.ts';
import { openBroker } from './server/opened-broker.ts';
import { openRootKeyKeeper } from './server/opened-root-key.ts';
import { freeBytesOf, openKeys, openStore, probeFirstStart } from './server/opened-stores.ts';
import { openIdentityAt, openOutgoing } from './server/outgoing.ts';
import { portsFor, type ServerPorts } from './server/ports.ts';
import { reportedUses } from './server/reported-uses.ts';
import { verifiedParts } from './server/verified-parts.ts';
import { lockDataDir, type Store } from './storage/index.ts';
import { Verification } from './verification/index.ts';

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
  requireNamedFiles(config);
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

async function start(config: ServerConfig, ports: ServerPorts, closers: Closers): Promise<Server> {
  const { clock, entropy, log } = ports;
  await probeFirstStart(config);
  const lock = await lockDataDir(config.dataDir, 'starting');
  closers.add(() => lock.release());
  const suite = suiteOf(config.suite);
  const suites = aeadProviders({ clock, entropy, log, ...(suite === undefined ? {} : { suite }) });
  const openedKeys = await openKeys(config, ports, suites, closers);
  const store = config.roles.includes('broker') ? await openStore(config, ports, closers) : null;
  let broker: Broker | undefined;
  const metrics = metricsOf(config, clock, store, () => broker);
  const address: Address = { port: config.port, url: '' };
  const identity = await openIdentityAt(address, config, ports, openedKeys, closers);
  const audit = await openAudit({ openedKeys, suites, metrics }, config, ports, closers);
  const rootKey = await openRootKeyKeeper({ openedKeys, suites, audit }, config, ports);
  const keyParts = { openedKeys, suites, metrics, audit, identity, address };
  const services = await openKeyServices(keyParts, config, ports, closers);
  if (store !== null) {
    const outgoing = openOutgoing(address, config, ports, closers);
    const keyPolicy = createKeyPolicy(config, services.remote ? null : services.embedded, log);
    const keys = services.asked;
    const stores = { store, openedKeys, suites, audit };
    const parts = { ...stores, keys, keyPolicy, metrics, identity, outgoing };
    broker = await openBroker(parts, config, ports, closers);
    services.guards.add(brokerGuard(broker));
    services.remote?.reportUses(reportedUses(broker, services.embedded.defaultKeyName));
  }
  const running = broker;
  const brokerService: BrokerService = running ?? absentBroker();
  const auditParts = [auditPart(audit)];
  const stored = { openedKeys, suites, metrics, services, broker: running, auditParts };
  const verification = new Verification(verifiedParts(stored, config, ports), ports);
  closers.add(() => verification.stop());
  const auditVerification = new Verification(auditParts, ports);
  closers.add(() => auditVerification.stop());
  const about = { version: packageVersion(), node: process.versions.node };
  const { methods, routes: keyRoutes, ...watched } = keyApi(services, config);
  const routes = [
    ...keyRoutes,
    ...identityRoutes({ ...identity, clock }),
    ...rootKeyRoutes(rootKey),
    ...verificationRoutes(verification),
    ...auditRoutes(auditVerification),
    ...diagnoseRoutes(brokerService, about),
    ...keyUseApi(running, services),
  ];
  const drain = async (graceMs: number): Promise<void> => running?.drain(graceMs);
  const served = {
    ...watched,
    broker: brokerService,
    routes,
    methods: [...methods, ...loggingMethods(audit)],
    audit: { writer: audit, recordsReads: config.auditPubsubReads },
    metrics,
    lock,
    identity,
    drain,
  };
  await listen(served, config, ports, closers, address);
  running?.startPush();
  return { url: address.url, port: address.port, stop: () => closers.run() };
}

/** Of a server whose broker may not be open yet. */
function metricsOf(
  config: ServerConfig,
  clock: Clock,
  store: Pick<Store, 'stats'> | null,
  broker: () => Broker | undefined,
): Metrics {
  return new Metrics({
    clock,
    resourcesMax: config.metricsResourcesMax,
    source: {
      backlogs: async () => (await broker()?.backlogs()) ?? [],
      topics: async () => (await broker()?.topicReports()) ?? [],
      snapshots: async () => (await broker()?.snapshotReports()) ?? [],
      storeStats: () => store?.stats() ?? { diskBytes: 0, segmentCount: 0 },
      diskFreeBytes: () => freeBytesOf(config.dataDir),
      openedBytes: () => broker()?.openedBytes ?? 0,
    },
  });
}

function suiteOf(choice: SuiteChoice): SuiteId | undefined {
  if (choice === 'xchacha20-poly1305') return suiteIds.xchacha20Poly1305;
  return choice === 'xaes-256-gcm' ? suiteIds.xaes256Gcm : undefined;
}
