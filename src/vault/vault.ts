import type { AeadKey } from '../crypto/index.ts';
import {
  layerKeyVerifiable,
  openLayerKeys,
  openSealedMeta,
  type LayerKeys,
} from '../envelope/index.ts';
import type { KeyService } from '../kms/index.ts';
import { RpcError } from '../rpc/index.ts';
import { Closers, type Clock, type Entropy, type Logger } from '../runtime/index.ts';
import type { KeyStore, Store } from '../storage/index.ts';
import type { Verifiable } from '../verification/index.ts';
import { LayerUpkeep } from './administration/layer-upkeep.ts';
import { VaultAdministration } from './administration/vault-administration.ts';
import { createServiceFront, type RunningFront } from './front/front.ts';
import { imageVerifiable } from './images/image-verification.ts';
import { openImageVault } from './images/open-image-vault.ts';
import type { InstanceDriver } from './instances/instance-driver.ts';
import type { InstanceReport } from './instances/instances.ts';
import { openInstances, type OpenedInstances } from './instances/instance-supervisor.ts';
import type { KeyPlace, KeyState } from './keys/key-state.ts';
import { openKeyWatch } from './keys/key-watch.ts';
import type { PendingShutdown, RevocationTarget } from './keys/revocations.ts';
import { openRevocations } from './keys/shutdown-keeper.ts';
import type { LayerEntry } from './layers/layer-entry.ts';
import { readLayerIndex } from './layers/layer-index.ts';
import { serviceLogsVerifiable } from './logs/log-verifiable.ts';
import type { ServiceLogs } from './logs/service-logs.ts';
import { openServiceLogs } from './logs/sealed-service-logs.ts';
import { openObjectStore } from './objects/file-object-store.ts';
import type { VaultObserver } from './observer.ts';
import type { ImageSources } from './registry/image-source.ts';
import { openRunService, type OpenRunService } from './services/open-run-service.ts';
import type { ServicePolicies } from './services/policy-mirror.ts';
import type { RunService } from './services/run-service.ts';
import type { Revision, RevisionName } from './services/service.ts';
import { layerVerifiable } from './administration/layer-verifiable.ts';
import { metadataVerifiable } from './administration/metadata-verifiable.ts';

export interface VaultOptions {
  /** `DATA_DIR/vault`. */
  readonly folder: string;
  /** In a tmpfs; where opened images are. */
  readonly runtimeFolder: string;
  /** The vault's own. */
  readonly store: Store;
  /** The store key: metadata and logs are sealed under it. */
  readonly storeKey: AeadKey;
  /** The environment of the keys. */
  readonly keyRows: KeyStore;
  readonly keys: KeyService;
  readonly driver: InstanceDriver;
  readonly sources: ImageSources;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: VaultObserver;
  /** Host names, without port, under which clients reach the API. */
  readonly publicHosts: readonly string[];
  /** `http://PREFIX.localhost:8085` for `PREFIX`. */
  readonly urlOf: (hostPrefix: string) => string;
  readonly checkMs: number;
  readonly hourMs: number;
  readonly idleMs: number;
  readonly instancesMax: number;
  readonly logBytesMax: number;
}

/** How the vault stands, cheaply. */
export interface VaultStatus {
  readonly instances: readonly InstanceReport[];
  readonly keys: readonly { readonly place: KeyPlace; readonly state: KeyState }[];
  readonly shutdowns: readonly PendingShutdown[];
  readonly objectBytes: number;
}

/** Images, services and instances, wired together. */
export interface Vault {
  readonly run: RunService;
  /** Who may do what with services. */
  readonly policies: ServicePolicies;
  readonly front: RunningFront;
  readonly logs: ServiceLogs;
  readonly administration: VaultAdministration;
  /** What is stored, to be authenticated; each needs no key of an owner's. */
  readonly verifiables: readonly Verifiable[];
  /** Every chunk of every layer, each opened with its key. */
  readonly layers: Verifiable;
  status(): Promise<VaultStatus>;
  /** Goes on with deployments and minimums; call it once the port is known. */
  resume(): Promise<void>;
  /** Lets requests in flight end for so long, starts nothing any more, then stops all instances. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Longer than a wrapped DEK and a row: what one opened image may take, whatever is free. */
const treeBytesMax = 64 * 2 ** 30;
const pidsMax = 1024;

/** Opens what is stored, and ends what an earlier vault left running. */
export async function openVault(options: VaultOptions): Promise<Vault> {
  const closers = new Closers();
  try {
    return await open(options, closers);
  } catch (error) {
    await closers.run().catch((err: unknown) => {
      options.log.warn({ err }, 'what of the vault had been opened could not all be closed');
    });
    throw error;
  }
}

type StoredParts = Awaited<ReturnType<typeof openStored>>;

/** What is stored, and what watches it; nothing runs yet. */
async function openStored(options: VaultOptions, closers: Closers) {
  const { store, storeKey, keyRows: rows, keys, entropy } = options;
  const meta = openSealedMeta({ inner: store.meta, key: storeKey, entropy });
  const layerKeys = await openLayerKeys({ ...options, rows });
  const objects = await openObjectStore(options);
  const images = openImageVault({ ...options, meta, objects, keys: layerKeys });
  closers.add(() => images.close());
  const bytesMax = options.logBytesMax;
  const logs = await openServiceLogs({ ...options, key: storeKey, bytesMax });
  closers.add(() => logs.close());
  const watch = await openKeyWatch({ ...options, keys, meta, versionsOf: versionsIn(layerKeys) });
  closers.add(() => watch.close());
  return { ...options, meta, layerKeys, objects, images, logs, watch };
}

async function open(options: VaultOptions, closers: Closers): Promise<Vault> {
  const stored = await openStored(options, closers);
  const { keys, layerKeys, objects, images, watch, logs } = stored;
  const limits = { treeBytesMax, pidsMax };
  const instances = await openInstances({ ...stored, keys: layerKeys, limits });
  closers.add(() => instances.close());
  const revocations = await openRevocations({ ...stored, target: targetOf(stored, instances) });
  closers.add(() => revocations.close());
  const revision = (name: RevisionName): Promise<Revision> => run.getRevision(name);
  const front = createServiceFront({ ...stored, instances, revision });
  closers.add(() => front.close());
  const run: OpenRunService = openRunService({
    ...stored,
    instances,
    revocations,
    isApiHost: (host) => front.isApiName(host),
    projectNumber: (project) => projectNumberOf(keys, project),
    imageFault: (reference) => imageFaultIn(options.sources, reference),
    onTraffic: (targets) => front.update(targets),
  });
  closers.add(() => run.stop());
  const administration = new VaultAdministration({ ...stored, run, revocations, entriesOf });
  closers.add(() => administration.stop());
  const upkeep = new LayerUpkeep(stored);
  closers.add(() => upkeep.stop());
  return {
    run,
    policies: run.policies,
    front,
    logs,
    administration,
    verifiables: verifiablesOf(stored),
    layers: layerVerifiable({ images, keys: layerKeys }),
    status: async () => ({
      instances: instances.live(),
      keys: watch.states(),
      shutdowns: revocations.pending(),
      objectBytes: await objects.bytes(),
    }),
    resume: () => run.resume(),
    drain: (graceMs) => front.drain(graceMs),
    close: () => closers.run(),
  };
}

function verifiablesOf({ store, keyRows, ...parts }: StoredParts): Verifiable[] {
  return [
    layerKeyVerifiable({ ...parts, rows: keyRows }),
    imageVerifiable({ ...parts, rows: store.meta }),
    metadataVerifiable({ ...parts, rows: store.meta }),
    serviceLogsVerifiable({ ...parts, store, key: parts.storeKey }),
  ];
}

function versionsIn(layerKeys: LayerKeys): (place: KeyPlace) => Promise<readonly string[]> {
  return async ({ project, key }) => {
    const own = (await layerKeys.list()).filter(
      (each) => each.project === project && each.key === key,
    );
    return [...new Set(own.map(({ keyVersion }) => keyVersion))];
  };
}

/** What revocations act upon: instances, and the logs of their services. */
function targetOf(
  { clock, logs }: { readonly clock: Clock; readonly logs: ServiceLogs },
  instances: OpenedInstances,
): RevocationTarget {
  return {
    shutDown: (revision, why) => instances.stopRevision(revision, why),
    note: (revision, severity, text) =>
      logs.append({ log: 'varlog/system', severity, revision, timeMs: clock.wallMs(), text }),
  };
}

/** The number of a project, which its service agent's name holds. */
async function projectNumberOf(keys: KeyService, project: string): Promise<string> {
  const agent = await keys.runServiceAgent(project);
  return /:service-(.+)@/.exec(agent)?.[1] ?? project;
}

async function entriesOf(indexPath: string): Promise<readonly LayerEntry[]> {
  return (await readLayerIndex(indexPath)).entries;
}

/** A reference that is none, or of a registry that is not allowed, is refused before it is stored. */
function imageFaultIn(sources: ImageSources, reference: string): string | null {
  try {
    sources.open(reference);
    return null;
  } catch (error) {
    if (error instanceof RpcError) return error.message;
    throw error;
  }
}
