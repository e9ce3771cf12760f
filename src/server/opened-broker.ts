import type { AuditWriter } from '../audit/index.ts';
import { Broker, resourceLimits, type KeyPolicy, type ResourceLimits } from '../broker/index.ts';
import { copyIdOf } from '../backup/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { keyedHashInto, wipe, type SuiteProviders } from '../crypto/index.ts';
import {
  createRecordSealer,
  SlowKeyService,
  openDekManager,
  openSealedMeta,
  type DekManager,
  type StoreKey,
} from '../envelope/index.ts';
import type { Identity } from '../identity/index.ts';
import type { KeyService } from '../kms/index.ts';
import type { Metrics } from '../metrics/index.ts';
import { createPushSender, type OutgoingClient } from '../outgoing/index.ts';
import type { Closers } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';
import { defaultTransformLimits, openTransformEngine } from '../transforms/index.ts';
import { erasureJournal, rewrapJournal } from './keys/key-journal.ts';
import type { RequireForward } from './opened-iam.ts';
import type { OpenedKeys } from './opened-stores.ts';
import type { ServerPorts } from './ports.ts';

/** What a broker stands on. */
export interface BrokerParts {
  readonly store: Store;
  readonly openedKeys: OpenedKeys;
  readonly suites: SuiteProviders;
  readonly keys: KeyService;
  readonly keyPolicy: KeyPolicy;
  readonly metrics: Metrics;
  readonly identity: Identity;
  readonly outgoing: OutgoingClient;
  readonly audit: AuditWriter;
  readonly requireForward: RequireForward | undefined;
}

export async function openBroker(
  parts: BrokerParts,
  config: ServerConfig,
  ports: ServerPorts,
  closers: Closers,
): Promise<Broker> {
  const { store, metrics, identity, outgoing } = parts;
  const { storeKey } = parts.openedKeys;
  const { clock, entropy, log } = ports;
  const { cmekPropagation: propagation } = config;
  const keys = propagation === 'google' ? slowed(parts, ports, closers) : parts.keys;
  const deks = await openDeks({ ...parts, keys }, propagation, ports, closers);
  const transforms = openTransformEngine({ clock, log, limits: defaultTransformLimits });
  closers.add(() => transforms.close());
  const broker = await Broker.open(
    {
      store,
      meta: openSealedMeta({ inner: store.meta, key: storeKey.aead, entropy }),
      deks,
      sealer: createRecordSealer({ key: storeKey.aead, entropy }),
      mac: macOf(storeKey, copyIdOf(config.dataDir), closers),
      clock,
      entropy,
      log,
      observer: metrics.broker,
      pushSender: createPushSender({
        outgoing,
        idToken: (request) => identity.idTokens.idToken(request),
      }),
      keyPolicy: parts.keyPolicy,
      ...(parts.requireForward && { requireForward: parts.requireForward }),
      rewrapJournal: rewrapJournal(parts.audit),
      transforms,
      ...(config.region === null ? {} : { region: config.region }),
    },
    {
      outstandingWindow: config.outstandingMax,
      openCacheBytes: config.openCacheBytes,
      resources: resourceLimitsOf(config),
      createsTopics: config.autoCreateTopics,
      throughput: {
        publisherBytes: config.publisherQuota,
        subscriberBytes: config.subscriberQuota,
      },
    },
  );
  closers.add(() => broker.drain());
  return broker;
}

/** One number for a project and for a topic: only who runs many of either needs more of both. */
function resourceLimitsOf(config: ServerConfig): ResourceLimits {
  return {
    ...resourceLimits,
    topicsPerProject: config.topicsMax,
    subscriptionsPerProject: config.subscriptionsMax,
    subscriptionsPerTopic: config.subscriptionsMax,
    snapshotsPerProject: config.snapshotsMax,
    snapshotsPerTopic: config.snapshotsMax,
    schemasPerProject: config.schemasMax,
  };
}

function slowed(
  { keys }: BrokerParts,
  { clock, entropy, log }: ServerPorts,
  closers: Closers,
): KeyService {
  log.warn(
    {},
    'changes of keys arrive as late as in Google Cloud (--cmek-propagation=google): a revoked key ' +
      'opens messages for up to 7 minutes, a restored one after up to 2 hours',
  );
  const slow = new SlowKeyService({ keys, clock, entropy });
  closers.add(() => slow.close());
  return slow;
}

async function openDeks(
  { keys, openedKeys, suites, metrics, audit }: BrokerParts,
  propagation: ServerConfig['cmekPropagation'],
  ports: ServerPorts,
  closers: Closers,
): Promise<DekManager> {
  const deks = await openDekManager({
    ...ports,
    keys,
    rows: openedKeys.rows,
    providers: suites,
    observer: metrics.dek,
    journal: erasureJournal(audit),
    propagation,
  });
  closers.add(() => deks.close());
  return deks;
}

/** Of this copy alone: another counts on from the same state, and hands out ids like ours. */
function macOf(
  storeKey: StoreKey,
  copyId: string,
  closers: Closers,
): (input: Uint8Array, out: Uint8Array) => void {
  const purpose = 'ack ids and page tokens';
  const key = storeKey.deriveKey(copyId === '' ? purpose : `${purpose} of copy ${copyId}`);
  closers.add(() => wipe(key));
  return (input, out) => keyedHashInto(key, input, out);
}
