import type { AuditWriter } from '../../audit/index.ts';
import type { KmsEndpoint, ServerConfig } from '../../config/index.ts';
import type { SuiteProviders } from '../../crypto/index.ts';
import {
  DestructionGuards,
  startKeyService,
  type EmbeddedKeyService,
  type KeyService,
} from '../../kms/index.ts';
import type { ResourceDirectory } from '../../iam/index.ts';
import type { Identity } from '../../identity/index.ts';
import type { Metrics } from '../../metrics/index.ts';
import { createOutgoingClient } from '../../outgoing/index.ts';
import {
  KeyWatchHub,
  openRemoteKeyService,
  openTransitKeyService,
  RoutedKeyService,
  type RemoteKeyService,
} from '../../remote-kms/index.ts';
import type { Closers } from '../../runtime/index.ts';
import type { Address } from '../address.ts';
import { openExternalKeys, openKeyQuotas } from './external-keys.ts';
import { openHsmKeys } from './hsm-keys.ts';
import type { OpenedKeys } from '../opened-stores.ts';
import type { ServerPorts } from '../ports.ts';

/** The key services of this process, and which of them the broker asks. */
export interface KeyServices {
  /** Keys under this server's root key; with `remote`, the service's own key alone. */
  readonly embedded: EmbeddedKeyService;
  readonly remote: RemoteKeyService | null;
  /** What the broker asks: the embedded one, or both, each for its keys. */
  readonly asked: KeyService;
  /** Brokers in other processes that watch our keys. */
  readonly hub: KeyWatchHub;
  /** Asked before a key version is destroyed; who knows of dependents joins. */
  readonly guards: DestructionGuards;
}

export interface KeyServiceParts {
  readonly openedKeys: OpenedKeys;
  readonly suites: SuiteProviders;
  readonly metrics: Metrics;
  readonly audit: AuditWriter;
  readonly identity: Identity;
  readonly address: Address;
  /** What policies stand on beside keys and projects. */
  readonly directory: Pick<ResourceDirectory, 'uidOf'>;
}

export async function openKeyServices(
  { openedKeys, suites, metrics, audit, identity, address, directory }: KeyServiceParts,
  config: ServerConfig,
  ports: ServerPorts,
  closers: Closers,
): Promise<KeyServices> {
  const projectNumber = (projectId: string): Promise<string> =>
    embedded.projects.numberOf(projectId);
  const external = { metrics, identity, address, projectNumber };
  const guards = new DestructionGuards();
  const embedded: EmbeddedKeyService = await startKeyService({
    ...ports,
    keyStore: openedKeys.rows,
    rootKey: openedKeys.rootKey,
    suites,
    observer: metrics.kms,
    audit,
    guard: guards,
    directory,
    providers: {
      ...openExternalKeys(external, config, ports, closers),
      ...openHsmKeys(config, ports, closers),
    },
    quotas: openKeyQuotas(external, config, ports),
  });
  closers.add(() => embedded.close());
  const hub = new KeyWatchHub({ keys: embedded, projectNumber, clock: ports.clock });
  guards.add(hub);
  const { kmsEndpoint, defaultKey: defaultKeyName } = config;
  if (kmsEndpoint === null) return { embedded, remote: null, asked: embedded, hub, guards };
  const remote =
    kmsEndpoint.kind === 'transit'
      ? openTransit(kmsEndpoint, metrics, config, ports, closers)
      : openCloudKms(kmsEndpoint, metrics, config, ports);
  closers.add(() => remote.drain());
  const asked = new RoutedKeyService({ local: embedded, remote, defaultKeyName });
  return { embedded, remote, asked, hub, guards };
}

function openCloudKms(
  endpoint: KmsEndpoint,
  metrics: Metrics,
  config: ServerConfig,
  { clock, entropy, log }: ServerPorts,
): RemoteKeyService {
  return openRemoteKeyService({
    endpoint: endpoint.url,
    caFile: config.kmsCa,
    tokenFile: config.kmsTokenFile,
    defaultKeyName: config.defaultKey,
    projectNumbers: numbersOf(config.projectNumbers),
    clock,
    entropy,
    log,
    observer: metrics.remoteKms,
  });
}

function openTransit(
  { url }: KmsEndpoint,
  metrics: Metrics,
  config: ServerConfig,
  { clock, entropy, log }: ServerPorts,
  closers: Closers,
): RemoteKeyService {
  const outgoing = createOutgoingClient({
    // The operator named it, no user: it may be wherever they run it.
    policy: { isLoopbackOnly: true, allow: [], ownListeners: () => [] },
    clock,
    caFile: config.kmsCa,
  });
  closers.add(() => outgoing.close());
  return openTransitKeyService({
    url,
    outgoing,
    tokenFile: config.kmsTokenFile,
    defaultKeyName: config.defaultKey,
    clock,
    entropy,
    log,
    observer: metrics.remoteKms,
  });
}

/** `PROJECT=NUMBER`, each. */
function numbersOf(pairs: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    pairs.map((pair) => {
      const at = pair.lastIndexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
