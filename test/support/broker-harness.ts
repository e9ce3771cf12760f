import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Broker, silentObserver, type BrokerObserver } from '../../src/broker/index.ts';
import type { BrokerLimits, PushSender } from '../../src/broker/index.ts';
import type { Delivery, SealableMessage, StreamSettings } from '../../src/broker/index.ts';
import { decodeMessage, sealableMessage } from '../../src/broker/index.ts';
import type { PullStream, Subscription, Topic } from '../../src/broker/index.ts';
import { aeadProviders, keyedHashInto } from '../../src/crypto/index.ts';
import { suiteIds, type SuiteProviders } from '../../src/crypto/index.ts';
import { createRecordSealer, openDekManager, openSealedMeta } from '../../src/envelope/index.ts';
import { openStoreKey, type DekManager } from '../../src/envelope/index.ts';
import { openFileRootKey, startKeyService } from '../../src/kms/index.ts';
import type { EmbeddedKeyService, KeyService, RootKey } from '../../src/kms/index.ts';
import { RpcError } from '../../src/rpc/index.ts';
import { noFailpoints, silentLogger, type Logger } from '../../src/runtime/index.ts';
import { FaultPlan, openMemoryKeyStore, openMemoryStore } from '../../src/storage/index.ts';
import type { KeyStore, MemoryStore, MetaStore, Store } from '../../src/storage/index.ts';
import type { TransformEngine } from '../../src/transforms/index.ts';
import { Life, mortal, MortalClock } from './mortal.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';
import { operator, operatorOf } from './operator-keys.ts';

export const project = 'projects/sim-project';
const ring = `${project}/locations/global/keyRings/ring`;

export const topicName = (id: string): string => `${project}/topics/${id}`;
export const subscriptionName = (id: string): string => `${project}/subscriptions/${id}`;
export const snapshotName = (id: string): string => `${project}/snapshots/${id}`;

export interface HarnessOptions {
  readonly seed?: number;
  readonly limits?: Partial<BrokerLimits>;
  /** Stands between broker and store: to record, to break, or to replace what is stored. */
  readonly wrapStore?: (store: MemoryStore) => Store;
  readonly observer?: BrokerObserver;
  readonly pushSender?: PushSender;
  readonly log?: Logger;
  /** Where the broker stores. */
  readonly region?: string;
  /** Whether dead letters may go where they should. */
  readonly requireForward?: (subscription: string, deadLetterTopic: string) => Promise<void>;
  /** Runs message transforms; it outlives a broker. */
  readonly transforms?: TransformEngine;
  /** Stands between the broker and the key service: to let it go away. */
  readonly wrapKeys?: (keys: KeyService) => KeyService;
}

/** Chosen once: the choice measures every provider, which takes longer than a whole small test. */
const providers: SuiteProviders = aeadProviders({
  clock: new VirtualClock(),
  entropy: new SeededEntropy(0),
  log: silentLogger,
  suite: suiteIds.xchacha20Poly1305,
});

/** What outlives a broker beside disk and time. */
interface Surroundings {
  readonly entropy: SeededEntropy;
  readonly keyStore: KeyStore;
  readonly rootKey: RootKey;
}

/**
 * A real broker over the memory engine, the embedded key service and real DEKs, on a clock that
 * the test moves. A restart abandons the running broker as a crash does, and opens another over
 * the same disks.
 */
export class BrokerHarness {
  readonly clock: VirtualClock;
  /** The next commits' fates. */
  readonly faults: FaultPlan;
  readonly disk: MemoryStore;
  readonly store: Store;
  readonly #options: HarnessOptions;
  readonly #around: Surroundings;
  #life = new Life();
  #lifeClock!: MortalClock;
  #broker!: Broker;
  #keys!: EmbeddedKeyService;
  #deks!: DekManager;
  #meta!: MetaStore;
  #keyCount = 0;

  static async open(options: HarnessOptions = {}): Promise<BrokerHarness> {
    const harness = new BrokerHarness(options);
    await harness.#start();
    return harness;
  }

  private constructor(options: HarnessOptions) {
    this.#options = options;
    const clock = new VirtualClock();
    const entropy = new SeededEntropy(options.seed ?? 1);
    this.faults = new FaultPlan();
    this.disk = openMemoryStore({ clock, faults: this.faults });
    this.store = options.wrapStore?.(this.disk) ?? this.disk;
    this.clock = clock;
    this.#around = {
      entropy,
      keyStore: openMemoryKeyStore({ clock }),
      rootKey: drawRootKey(entropy),
    };
  }

  get broker(): Broker {
    return this.#broker;
  }

  get keys(): EmbeddedKeyService {
    return this.#keys;
  }

  get deks(): DekManager {
    return this.#deks;
  }

  /** The rows of the broker, in the clear. */
  get meta(): MetaStore {
    return this.#meta;
  }

  /** What lies in the environment of the keys. */
  get keyRows(): KeyStore {
    return this.#around.keyStore;
  }

  /** A crash and a start: whatever the broker had in memory is gone, its promises never settle. */
  async restart(): Promise<void> {
    this.#life.isOver = true;
    this.#lifeClock.cancelAll();
    await this.clock.settle();
    this.#life = new Life();
    await this.#start();
  }

  /** Ends the broker and the key service; the clock must then be empty. */
  async close(): Promise<void> {
    await this.until(this.#broker.drain());
    this.#deks.close();
    this.#around.rootKey.destroy();
  }

  /** A key that Pub/Sub's service agent may use, with its one version. */
  async createKey(): Promise<{ readonly name: string; readonly version: string }> {
    const { keyRings, cryptoKeys } = operatorOf(this.#keys);
    const { policies } = this.#keys;
    if (this.#keyCount === 0) {
      await this.until(keyRings.create(`${project}/locations/global`, 'ring'));
    }
    const id = `key${++this.#keyCount}`;
    const key = { parent: ring, id, labels: {}, skipInitialVersion: false };
    const { name } = await this.until(cryptoKeys.create(key));
    const member = await this.until(this.#keys.pubsubServiceAgent('sim-project'));
    const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
    const bindings = [{ role, members: [member] }];
    await this.until(policies.set(name, { bindings }, operator));
    return { name, version: `${name}/cryptoKeyVersions/1` };
  }

  async setKeyEnabled(version: string, isEnabled: boolean): Promise<void> {
    const state = isEnabled ? 'ENABLED' : 'DISABLED';
    await this.until(operatorOf(this.#keys).versions.updateState(version, state));
    await this.clock.settle();
  }

  /** Takes back the faults that nothing has met yet. */
  dropFaults(): void {
    while (this.faults.pendingCount > 0) {
      try {
        this.faults.take();
      } catch {
        // It was one of those that reject; now it is gone.
      }
    }
  }

  /** Settles a promise with event-loop turns, and with virtual time when those do not suffice. */
  async until<T>(pending: Promise<T>): Promise<T> {
    let isDone = false;
    const outcome = pending.finally(() => {
      isDone = true;
    });
    outcome.catch(() => undefined);
    for (let turn = 0; turn < 400 && !isDone; turn++) await this.clock.settle(1);
    for (let turn = 0; turn < 400 && !isDone; turn++) await this.clock.advance(100);
    if (!isDone) throw new Error('a promise did not settle within 40 virtual seconds');
    return outcome;
  }

  async createTopic(id: string, more: Partial<Topic> = {}): Promise<string> {
    const name = topicName(id);
    await this.until(this.#broker.createTopic({ name, labels: {}, ...more }));
    return name;
  }

  async createSubscription(
    id: string,
    topic: string,
    more: Partial<Subscription> = {},
  ): Promise<string> {
    const name = subscriptionName(id);
    const subscription = { ...subscriptionDefaults, name, topic, ...more };
    await this.until(this.#broker.createSubscription(subscription));
    return name;
  }

  /** Publishes texts in one request; returns their ids. */
  async publish(topic: string, ...texts: string[]): Promise<string[]> {
    return await this.until(this.#broker.publish(topic, texts.map(textMessage)));
  }

  /** What is there at once. */
  async pull(subscription: string, messagesMax: number = 1_000): Promise<Received[]> {
    const { signal } = new AbortController();
    const request = { messagesMax, returnImmediately: true, signal };
    return await this.until(this.#broker.pull(subscription, request, receivedOf));
  }

  /** What is there at once, up to `messagesMax`, acknowledged; a Pull may bring a part. */
  async consume(subscription: string, messagesMax: number = 1_000): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < messagesMax) {
      const received = await this.pull(subscription, messagesMax - texts.length);
      if (received.length === 0) break;
      const ackIds = received.map(({ ackId }) => ackId);
      await this.acknowledge(subscription, ackIds);
      texts.push(...received.map(({ text }) => text));
    }
    return texts;
  }

  async createSnapshot(id: string, subscription: string): Promise<string> {
    const name = snapshotName(id);
    await this.until(this.#broker.createSnapshot({ name, subscription, labels: {} }));
    return name;
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<void> {
    await this.until(this.#broker.acknowledge(subscription, ackIds));
  }

  async openStream(
    subscription: string,
    settings: Partial<StreamSettings> = {},
  ): Promise<StreamProbe> {
    const probe = new StreamProbe();
    const all = { ...streamDefaults, ...settings };
    probe.stream = await this.until(this.#broker.openStream(subscription, all, probe));
    await this.clock.settle();
    return probe;
  }

  async #start(): Promise<void> {
    const { entropy, rootKey } = this.#around;
    const log = this.#options.log ?? silentLogger;
    const clock = new MortalClock(this.clock, this.#life);
    const keyStore = mortal(this.#around.keyStore, this.#life);
    const store = mortal(this.store, this.#life);
    this.#lifeClock = clock;
    const storeKeyOpen = openStoreKey({ rows: keyStore, rootKey, entropy, providers });
    const storeKey = await this.until(storeKeyOpen);
    this.#meta = openSealedMeta({ inner: store.meta, key: storeKey.aead, entropy });
    const macKey = storeKey.deriveKey('ack ids and page tokens');
    const keysOpen = startKeyService({ keyStore, rootKey, suites: providers, clock, entropy, log });
    this.#keys = await this.until(keysOpen);
    const deksOpen = openDekManager({
      keys: this.#options.wrapKeys?.(this.#keys) ?? this.#keys,
      rows: keyStore,
      providers,
      clock,
      entropy,
      log,
      failpoints: noFailpoints,
    });
    this.#deks = await this.until(deksOpen);
    const ports = {
      store,
      deks: this.#deks,
      meta: this.#meta,
      sealer: createRecordSealer({ key: storeKey.aead, entropy }),
      mac: (input: Uint8Array, out: Uint8Array): void => keyedHashInto(macKey, input, out),
      clock,
      entropy,
      log,
      observer: this.#options.observer ?? silentObserver,
      pushSender: this.#options.pushSender ?? nowhere,
      ...(this.#options.region === undefined ? {} : { region: this.#options.region }),
      ...(this.#options.requireForward && { requireForward: this.#options.requireForward }),
      ...(this.#options.transforms && { transforms: this.#options.transforms }),
    };
    const limits = { outstandingWindow: 1_000, openCacheBytes: 1 << 20, ...this.#options.limits };
    this.#broker = await this.until(Broker.open(ports, limits));
    this.#broker.startPush();
  }
}

export const subscriptionDefaults: Omit<Subscription, 'name' | 'topic'> = {
  labels: {},
  ackDeadlineSeconds: 10,
  retainAckedMessages: false,
  messageRetentionMs: 7 * 24 * 3_600_000,
};

const streamDefaults: StreamSettings = {
  ackDeadlineSeconds: 10,
  outstandingMessagesMax: 0,
  outstandingBytesMax: 0,
  clientId: 'probe',
};

const nowhere: PushSender = {
  send: async () => ({ responseClass: 'unreachable', code: 'nowhere', text: 'No endpoint.' }),
};

/** A delivery with its bytes copied out. */
export interface Received extends Delivery {
  readonly text: string;
}

export function textMessage(text: string): SealableMessage {
  return sealableMessage({ data: Buffer.from(text), attributes: [], orderingKey: '' });
}

export const receivedOf = (batch: readonly Delivery[]): Received[] =>
  batch.map((delivery) => {
    const bytes = Buffer.from(delivery.bytes);
    return { ...delivery, bytes, text: Buffer.from(decodeMessage(bytes).data).toString() };
  });

/** The client's end of a streaming pull: keeps what came and why it ended. */
export class StreamProbe {
  readonly received: Received[] = [];
  /** What `deliver` answers: false makes the broker wait for `stream.resume()`. */
  isReady = true;
  failure: RpcError | null = null;
  /** Runs within `deliver`, so that a test can act in the middle of a batch. */
  onBatch: (batch: readonly Received[]) => void = () => undefined;
  stream!: PullStream;

  deliver(batch: readonly Delivery[]): boolean {
    const copies = receivedOf(batch);
    this.received.push(...copies);
    this.onBatch(copies);
    return this.isReady;
  }

  fail(error: unknown): void {
    this.failure = RpcError.from(error);
  }

  /** What came since the last call. */
  take(): Received[] {
    return this.received.splice(0);
  }
}

/** Through the file, as in production; it is removed as soon as it was read. */
function drawRootKey(entropy: SeededEntropy): RootKey {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-harness-'));
  try {
    const path = join(folder, 'keys', 'root.key');
    const dataDir = join(folder, 'data');
    return openFileRootKey({ path, dataDir, suites: providers, entropy, log: silentLogger });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
