import {
  auditRoutes,
  backupRoutes,
  backlogRoutes,
  diagnoseRoutes,
  identityRoutes,
  loggingMethods,
  rootKeyRoutes,
  verificationRoutes,
  type ServedMethod,
} from './api/index.ts';
import { type AuditLog, auditPart } from './audit/index.ts';
import { noOpenSources, type OpenSources, requireWholeDirectory } from './backup/index.ts';
import type { Broker, BrokerService } from './broker/index.ts';
import {
  packageVersion,
  requireNamedFiles,
  type ServerConfig,
  type SuiteChoice,
} from './config/index.ts';
import { aeadProviders, suiteIds, type SuiteId } from './crypto/index.ts';
import type { Authorizer } from './iam/index.ts';
import type { AccountStore } from './identity/index.ts';
import type { RootKeyKeeper } from './kms/index.ts';
import { Metrics } from './metrics/index.ts';
import { Closers, keepAlive } from './runtime/index.ts';
import { absentBroker } from './server/absent-broker.ts';
import { accountApi } from './server/account-api.ts';
import type { Address } from './server/address.ts';
import { openBackups } from './server/backup/opened-backup.ts';
import { declaredStart } from './server/declared-resources.ts';
import { createKeyPolicy } from './server/keys/key-policy.ts';
import { brokerGuard, vaultGuard } from './server/keys/destruction-guard.ts';
import { keyApi, keyUseApi } from './server/keys/key-api.ts';
import {
  openKeyServices,
  type KeyServiceParts,
  type KeyServices,
} from './server/keys/key-services.ts';
import { listen, type ListeningParts } from './server/listening.ts';
import { openAccountsAt, openAuthenticatorAt } from './server/opened-accounts.ts';
import { openAudit } from './server/opened-audit.ts';
import {
  directoryOf,
  forwardCheck,
  JoinedPolicies,
  openAuthorizer,
  warnOfNoAdministrator,
} from './server/opened-iam.ts';
import { openBroker } from './server/opened-broker.ts';
import { openRootKeyKeeper } from './server/opened-root-key.ts';
import { freeBytesOf, openKeys, openStore, probeFirstStart } from './server/opened-stores.ts';
import { openIdentityAt, openOutgoing } from './server/outgoing.ts';
import { portsFor, type ServerPorts } from './server/ports.ts';
import { reportedUses } from './server/keys/reported-uses.ts';
import { openVaultAt, vaultReport } from './server/opened-vault.ts';
import { vaultApi } from './server/vault-api.ts';
import { verifiedParts } from './server/verified-parts.ts';
import { lockDataDir, type Store } from './storage/index.ts';
import type { Vault } from './vault/index.ts';
import { Verification, type Verifiable } from './verification/index.ts';

export interface Server {
  /** Such as `http://127.0.0.1:8085`. */
  readonly url: string;
  readonly port: number;
  /** Everything that is answered: each has its row in the table of who may call it. */
  readonly served: readonly ServedMethod[];
  /** Reads the files of TLS again, as SIGHUP asks for; those that cannot be used are not used. */
  reload(): void;
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
    return await keepAlive(start(config, ports, closers));
  } catch (error) {
    await keepAlive(closers.run()).catch((err: unknown) => {
      ports.log.warn({ err }, 'what had been opened could not all be closed');
    });
    throw error;
  }
}

/** What runs on the keys, as its role is named; open once the metrics are. */
interface Running {
  broker: Broker | undefined;
  vault: Vault | undefined;
}

/** What everything that runs stands on. */
interface Ground extends Omit<KeyServiceParts, 'audit'> {
  readonly audit: AuditLog;
  readonly services: KeyServices;
  readonly accounts: AccountStore;
  readonly rootKey: RootKeyKeeper;
  readonly sources: OpenSources;
  readonly authorizer: Authorizer;
}

async function start(config: ServerConfig, ports: ServerPorts, closers: Closers): Promise<Server> {
  const { clock, entropy, log } = ports;
  const declared = declaredStart(config, ports);
  await probeFirstStart(config);
  const lock = await lockDataDir(config.dataDir, 'starting');
  closers.add(() => lock.release());
  requireWholeDirectory(config.dataDir);
  const sources = noOpenSources();
  const suite = suiteOf(config.suite);
  const suites = aeadProviders({ clock, entropy, log, ...(suite === undefined ? {} : { suite }) });
  const openedKeys = await openKeys(config, ports, suites, closers, sources);
  const isBroker = config.roles.includes('broker');
  const store = isBroker ? await openStore(config, ports, closers, sources) : null;
  const running: Running = { broker: undefined, vault: undefined };
  const metrics = metricsOf(config, ports, store, running);
  const address: Address = { port: config.port, url: '' };
  const identity = await openIdentityAt(address, config, ports, openedKeys, closers);
  const audit = await openAudit({ openedKeys, suites, metrics }, config, ports, closers, sources);
  const rootKey = await openRootKeyKeeper({ openedKeys, suites, audit }, config, ports);
  const directory = directoryOf(running);
  const keyParts = { openedKeys, suites, metrics, audit, identity, address, directory };
  const services = await openKeyServices(keyParts, config, ports, closers);
  const accounts = await openAccountsAt(keyParts, ports, closers);
  const policies = new JoinedPolicies(services.embedded.policySource);
  const authorizer = openAuthorizer(policies, directory, config, ports);
  warnOfNoAdministrator(policies, config, ports);
  const ground: Ground = { ...keyParts, services, accounts, rootKey, authorizer, sources };
  if (store !== null) running.broker = await openBrokerOn(ground, store, config, ports, closers);
  if (config.roles.includes('vault')) {
    running.vault = await openVaultAt({ ...ground, keys: services.asked }, config, ports, closers);
    services.guards.add(vaultGuard(running.vault));
    policies.join(running.vault.policies);
  }
  services.remote?.reportUses(reportedUses(running, services.embedded.defaultKeyName));
  const { broker, vault } = running;
  const drain = async (graceMs: number): Promise<void> => {
    await Promise.all([broker?.drain(graceMs), vault?.drain(graceMs)]);
  };
  const api = apiOf(ground, running, config, ports, closers);
  const listening = await listen(
    { ...api, metrics, lock, identity, drain, isReady: declared.isDone },
    config,
    ports,
    closers,
    address,
  );
  await declared.apply(listening);
  broker?.startPush();
  await vault?.resume();
  return {
    url: address.url,
    port: address.port,
    served: listening.served,
    reload: () => listening.reloadTls(),
    stop: () => keepAlive(closers.run()),
  };
}

async function openBrokerOn(
  ground: Ground,
  store: Store,
  config: ServerConfig,
  ports: ServerPorts,
  closers: Closers,
): Promise<Broker> {
  const { services, address } = ground;
  const outgoing = openOutgoing(address, config, ports, closers);
  const keyPolicy = createKeyPolicy(config, services.remote ? null : services.embedded, ports.log);
  const requireForward = forwardCheck(ground.authorizer, services.asked, config);
  const parts = { ...ground, store, keys: services.asked, keyPolicy, outgoing, requireForward };
  const broker = await openBroker(parts, config, ports, closers);
  services.guards.add(brokerGuard(broker));
  return broker;
}

/** Everything that is served, and the checks that it offers. */
function apiOf(
  ground: Ground,
  { broker, vault }: Running,
  config: ServerConfig,
  ports: ServerPorts,
  closers: Closers,
): Omit<ListeningParts, 'metrics' | 'lock' | 'identity' | 'drain' | 'isReady'> {
  const { audit, services, authorizer, accounts: store } = ground;
  const authenticator = openAuthenticatorAt({ ...ground, store }, config, ports, closers);
  const { policySource: policies } = services.embedded;
  const backups = openBackups(ground, config, ports, closers);
  const checkOf = (parts: readonly Verifiable[]): Verification => {
    const verification = new Verification(parts, ports);
    closers.add(() => verification.stop());
    return verification;
  };
  const brokerService: BrokerService = broker ?? absentBroker();
  const auditParts = [auditPart(audit)];
  const stored = { ...ground, broker, auditParts, vaultParts: vault?.verifiables ?? [] };
  const about = { version: packageVersion(), node: process.versions.node };
  const { methods, routes: keyRoutes, ...watched } = keyApi(services, authorizer, config);
  const layers = checkOf(vault === undefined ? [] : [vault.layers]);
  const routes = [
    ...keyRoutes,
    ...identityRoutes({ ...ground.identity, clock: ports.clock }),
    ...accountApi({ ...ground, store, authenticator, policies }, config),
    ...rootKeyRoutes(ground.rootKey),
    ...backupRoutes(backups),
    ...verificationRoutes(checkOf(verifiedParts(stored, config, ports))),
    ...auditRoutes(checkOf(auditParts)),
    ...diagnoseRoutes(brokerService, about),
    ...backlogRoutes(brokerService, audit),
    ...keyUseApi({ broker, vault }, services),
    ...vaultApi({ vault, verification: layers, writer: audit, authorizer }, config),
  ];
  return {
    ...watched,
    access: { authenticator, authorizer },
    broker: brokerService,
    routes,
    methods: [
      ...methods,
      ...loggingMethods(audit, vault && { logs: vault.logs, clock: ports.clock }, authorizer),
    ],
    ...(vault && { front: vault.front }),
    audit: { writer: audit, recordsReads: config.auditPubsubReads },
  };
}

/** Of a server of which not everything may be open yet. */
function metricsOf(
  config: ServerConfig,
  ports: ServerPorts,
  store: Pick<Store, 'stats'> | null,
  running: Running,
): Metrics {
  return new Metrics({
    clock: ports.clock,
    resourcesMax: config.metricsResourcesMax,
    source: {
      backlogs: async () => (await running.broker?.backlogs()) ?? [],
      topics: async () => (await running.broker?.topicReports()) ?? [],
      snapshots: async () => (await running.broker?.snapshotReports()) ?? [],
      storeStats: () => store?.stats() ?? { diskBytes: 0, segmentCount: 0 },
      diskFreeBytes: () => freeBytesOf(config.dataDir),
      openedBytes: () => running.broker?.openedBytes ?? 0,
      vault: async () => {
        return running.vault === undefined ? null : await vaultReport(running.vault, ports);
      },
    },
  });
}

function suiteOf(choice: SuiteChoice): SuiteId | undefined {
  if (choice === 'xchacha20-poly1305') return suiteIds.xchacha20Poly1305;
  return choice === 'xaes-256-gcm' ? suiteIds.xaes256Gcm : undefined;
}
