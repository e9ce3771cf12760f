import type { DekManager, RecordSealer } from '../envelope/index.ts';
import { type Clock, type Entropy, type Logger, Serial } from '../runtime/index.ts';
import type { MetaStore, Segment, Store } from '../storage/index.ts';
import type { TransformEngine } from '../transforms/index.ts';
import type { Mac } from './delivery/ack-id.ts';
import { volatileAckLog } from './acks/ack-log.ts';
import { recoverAcks } from './acks/ack-recovery.ts';
import { Catalog } from './catalog/catalog.ts';
import {
  doomedLane,
  type DoomedLog,
  type SubscriptionRow,
  type TopicRow,
} from './catalog/catalog-rows.ts';
import { DeadLetters } from './dead-letter/dead-letters.ts';
import { DeadlineWheel } from './delivery/deadline-wheel.ts';
import { Dispatcher } from './delivery/dispatcher.ts';
import { detached, draining, notFound } from './errors.ts';
import type { RewrapJournal } from './key-use/key-rewraps.ts';
import { removeDekRuns } from './key-use/dek-run-rows.ts';
import { BodyBuffers } from './lanes/body-buffers.ts';
import { ReadGate } from './lanes/read-gate.ts';
import { PendingBudget } from './lanes/lane.ts';
import type { HeldSegment } from './lanes/lane-reader.ts';
import { RecentAcksBudget } from './acks/recent-acks.ts';
import { LeaseBudget } from './delivery/lease-budget.ts';
import type { BrokerObserver } from './observer.ts';
import { PushMemory } from './push/push-memory.ts';
import type { PushSender } from './push/push-sender.ts';
import type { KeyPolicy } from './resources/key-policy.ts';
import { ThroughputQuotas, type ThroughputLimits } from './quotas/throughput-quotas.ts';
import { resourceLimits, type ResourceLimits } from './resources/resource-limits.ts';
import { ShelfBudget } from './lanes/segment-shelf.ts';
import { CompiledRevisions } from './schemas/compiled-revisions.ts';
import { SchemaCatalog } from './schemas/schema-catalog.ts';
import { SnapshotState } from './snapshots/snapshot-state.ts';
import { SortedMap } from './lists/sorted-map.ts';
import type { SubscriptionPorts } from './subscription-ports.ts';
import { SubscriptionState } from './subscription-state.ts';
import { openTopic, type TopicState } from './topic-state.ts';
import { TransformMemory } from './transforms/transform-memory.ts';

/** All that the broker needs from outside. */
export interface BrokerPorts {
  readonly store: Store;
  /** Rows of topics and subscriptions; sealed in production. */
  readonly meta: MetaStore;
  readonly deks: DekManager;
  /** Seals acknowledgement records. */
  readonly sealer: RecordSealer;
  /** Keyed hash of ack ids and page tokens. */
  readonly mac: Mac;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: BrokerObserver;
  /** Brings messages to endpoints. */
  readonly pushSender: PushSender;
  /** Is told of rewraps; nobody unless given. */
  readonly rewrapJournal?: RewrapJournal;
  /** Where this broker stores: an id of a Google Cloud region. Absent: every policy is met. */
  readonly region?: string;
  /** What is demanded of topics' keys. Absent: nothing. */
  readonly keyPolicy?: KeyPolicy;
  /**
   * Whether a subscription's dead letters may go to a topic; throws PERMISSION_DENIED. Absent: they
   * may.
   */
  readonly requireForward?: (subscription: string, deadLetterTopic: string) => Promise<void>;
  /** Runs message transforms. Absent: what has some is neither made, published to nor delivered. */
  readonly transforms?: TransformEngine;
}

export interface BrokerLimits {
  /** Messages that one subscription has handed out and not got acknowledged, at most. */
  readonly outstandingWindow: number;
  /** Opened bytes kept for other subscriptions of the same topic, over all topics. */
  readonly openCacheBytes: number;
  /** Leases of all subscriptions together; by default what fits into 256 MiB. */
  readonly leasesMax?: number;
  /** Ephemeral subscriptions at once; 10,000 by default. */
  readonly ephemeralMax?: number;
  /** Google's own by default. */
  readonly resources?: ResourceLimits;
  /** Whether topics are made when they are first used; they are not by default. */
  readonly createsTopics?: boolean;
  /** None by default. */
  readonly throughput?: ThroughputLimits;
}

/** Sealed bytes that are read ahead, over all lanes. */
const sealedAheadBytes = 32 * 1024 * 1024;
const unlimited: ThroughputLimits = { publisherBytes: 0, subscriberBytes: 0 };
/** Logs that are taken over at once at start. */
const openBatch = 128;

/** Every topic and subscription there is, at work. */
export class Registry {
  readonly catalog: Catalog;
  readonly ports: BrokerPorts;
  readonly topics: SortedMap<TopicState> = new SortedMap();
  /** Topics that were deleted but still have subscriptions or snapshots, by uid. */
  readonly deletedTopics: Map<string, TopicState> = new Map();
  /** Those that are attached to a topic, deleted or not. */
  readonly subscriptions: SortedMap<SubscriptionState> = new SortedMap();
  /** Subscriptions that were detached: nothing is left of them but their rows. */
  readonly detached: SortedMap<SubscriptionRow> = new SortedMap();
  readonly snapshots: SortedMap<SnapshotState> = new SortedMap();
  /** Subscriptions that are in memory alone, by name. */
  readonly ephemerals: Map<string, SubscriptionState> = new Map();
  readonly ephemeralMax: number;
  readonly resources: ResourceLimits;
  readonly throughput: ThroughputQuotas;
  readonly schemas: SchemaCatalog;
  readonly compiledRevisions: CompiledRevisions;
  readonly wheel: DeadlineWheel;
  readonly deadLetters: DeadLetters;
  /** What joins or parts topics and subscriptions happens one after the other. */
  readonly changes: Serial = new Serial();
  /** No work is taken on any more. */
  isDraining = false;
  readonly #lanePorts: Parameters<typeof openTopic>[1];
  readonly #subscriptionPorts: SubscriptionPorts;

  constructor(ports: BrokerPorts, limits: BrokerLimits) {
    this.ports = ports;
    this.ephemeralMax = limits.ephemeralMax ?? 10_000;
    this.resources = limits.resources ?? resourceLimits;
    this.throughput = new ThroughputQuotas(limits.throughput ?? unlimited, ports.clock);
    this.catalog = new Catalog(ports.meta, ports.entropy);
    this.schemas = new SchemaCatalog(ports.meta);
    this.compiledRevisions = new CompiledRevisions(this.schemas);
    this.wheel = new DeadlineWheel(ports.clock);
    const findTopic = (name: string): TopicState | undefined => this.topics.get(name);
    this.deadLetters = new DeadLetters({ ...ports, findTopic });
    this.#lanePorts = {
      ...ports,
      schemas: this.schemas,
      compiledRevisions: this.compiledRevisions,
      pending: new PendingBudget(),
      bodies: new BodyBuffers(),
      reads: new ReadGate(ports.clock),
      sealedBudget: new ShelfBudget<Segment>(sealedAheadBytes),
      openedBudget: new ShelfBudget<HeldSegment>(limits.openCacheBytes, (held) => held.forget()),
    };
    this.#subscriptionPorts = {
      ...ports,
      wheel: this.wheel,
      dispatcher: new Dispatcher(ports.clock),
      budget: new LeaseBudget(limits.leasesMax),
      recentAcks: new RecentAcksBudget(),
      window: limits.outstandingWindow,
      deadLetters: this.deadLetters,
      transformMemory: new TransformMemory(),
      push: { ...ports, sender: ports.pushSender, memory: new PushMemory() },
    };
  }

  get openedBytes(): number {
    return this.#lanePorts.openedBudget.bytes;
  }

  /** Takes over everything that is stored: the one path of a start and of a recovery. */
  async load(): Promise<void> {
    const rows = await this.catalog.load();
    await this.schemas.load();
    await inBatches(rows.topics, async (row) => {
      this.topics.set(row.name, await openTopic(row, this.#lanePorts));
    });
    await inBatches(rows.deletedTopics, async (row) => {
      this.deletedTopics.set(row.uid, await openTopic(row, this.#lanePorts));
    });
    const byUid = new Map([...this.topics.values()].map((topic) => [topic.row.uid, topic]));
    const topicOf = (uid: string): TopicState | undefined =>
      byUid.get(uid) ?? this.deletedTopics.get(uid);
    await inBatches(rows.subscriptions, async (row) => {
      const topic = topicOf(row.topicUid);
      if (row.detached === true) this.detached.set(row.name, row);
      else if (topic !== undefined) await this.addSubscription(row, topic);
    });
    for (const row of rows.snapshots) {
      const topic = topicOf(row.topicUid);
      if (topic !== undefined) this.addSnapshot(new SnapshotState(row, topic));
    }
    if (rows.doomedLogs.length > 0) await this.dropLogs(rows.doomedLogs);
  }

  /** Throws UNAVAILABLE once the broker is stopping. */
  refuseWhenDraining(): void {
    if (this.isDraining) throw draining();
  }

  topic(name: string): TopicState {
    const topic = this.topics.get(name);
    if (topic === undefined) throw notFound(name);
    return topic;
  }

  /** The topic of that creation, deleted or not; one key may be that of thousands. */
  topicOfUid(name: string, uid: Uint8Array): TopicState | undefined {
    const hex = Buffer.from(uid).toString('hex');
    const topic = this.topics.get(name);
    return topic?.row.uid === hex ? topic : this.deletedTopics.get(hex);
  }

  /** A stored subscription. Throws FAILED_PRECONDITION if it is detached. */
  subscription(name: string): SubscriptionState {
    return this.subscriptions.get(name) ?? this.#refuse(name);
  }

  /** What messages can be taken from: stored or ephemeral. Throws as `subscription` does. */
  anySubscription(name: string): SubscriptionState {
    return this.findSubscription(name) ?? this.#refuse(name);
  }

  #refuse(name: string): never {
    throw this.detached.has(name) ? detached(name) : notFound(name);
  }

  snapshot(name: string): SnapshotState {
    const snapshot = this.snapshots.get(name);
    if (snapshot === undefined) throw notFound(name);
    return snapshot;
  }

  findSubscription(name: string): SubscriptionState | undefined {
    return this.subscriptions.get(name) ?? this.ephemerals.get(name);
  }

  allSubscriptions(): SubscriptionState[] {
    return [...this.subscriptions.values(), ...this.ephemerals.values()];
  }

  async addTopic(row: TopicRow): Promise<TopicState> {
    const topic = await openTopic(row, this.#lanePorts);
    this.topics.set(row.name, topic);
    return topic;
  }

  async addSubscription(row: SubscriptionRow, topic: TopicState): Promise<SubscriptionState> {
    const acks = await recoverAcks(this.ports, row.log, row.start);
    const subscription = new SubscriptionState(row, topic, acks, this.#subscriptionPorts);
    topic.subscriptions.add(subscription);
    topic.filters.join(row);
    topic.stored.set(row.name, subscription);
    this.subscriptions.set(row.name, subscription);
    return subscription;
  }

  /** From this call on nobody finds it; who listens to it is told `reason`. */
  async removeSubscription(subscription: SubscriptionState, reason: Error): Promise<void> {
    const { row, topic } = subscription;
    this.subscriptions.delete(row.name);
    topic.subscriptions.delete(subscription);
    topic.filters.leave(row);
    topic.stored.delete(row.name);
    subscription.end(reason);
    // The DEKs may go with the topic, and with them whoever would tell that its key is taken away.
    if (this.isForgotten(topic)) subscription.cutPush();
    await subscription.close();
    await this.dropLogs([{ log: row.log }]);
    await this.#forgetUnread(topic);
  }

  addSnapshot(snapshot: SnapshotState): void {
    const { row, topic } = snapshot;
    topic.holds.add(snapshot);
    topic.snapshots.set(row.name, snapshot);
    this.snapshots.set(row.name, snapshot);
  }

  async removeSnapshot(snapshot: SnapshotState): Promise<void> {
    const { row, topic } = snapshot;
    this.snapshots.delete(row.name);
    topic.snapshots.delete(row.name);
    topic.holds.delete(snapshot);
    await this.dropLogs([{ log: row.log }]);
    await this.#forgetUnread(topic);
  }

  /** For how long a topic itself keeps what is published to it; a deleted one does not. */
  retentionMs({ row }: TopicState): number | undefined {
    return this.deletedTopics.has(row.uid) ? undefined : row.messageRetentionMs;
  }

  /** The row of a deleted topic whose last subscription or snapshot is about to go; else null. */
  lastOf(topic: TopicState): TopicRow | null {
    const isLast = topic.readerCount === 1 && this.deletedTopics.has(topic.row.uid);
    return isLast ? topic.row : null;
  }

  /** It was deleted, and nothing that outlives the process reads it. */
  isForgotten(topic: TopicState): boolean {
    return topic.readerCount === 0 && this.deletedTopics.has(topic.row.uid);
  }

  /** A topic that nobody reads any more: its messages and its DEKs go. */
  async #forgetUnread(topic: TopicState): Promise<void> {
    if (!this.isForgotten(topic)) return;
    this.deletedTopics.delete(topic.row.uid);
    await this.dropLogs([doomedLane(topic.row)], topic);
  }

  /** One that only this process knows: from `row.start` on, its acknowledgements go nowhere. */
  addEphemeral(row: SubscriptionRow, topic: TopicState): void {
    const start = { epoch: 0, generation: 0, frontier: row.start, holes: [], leases: [] };
    const acks = { ...start, openLog: () => volatileAckLog };
    const subscription = new SubscriptionState(row, topic, acks, this.#subscriptionPorts);
    topic.subscriptions.add(subscription);
    this.ephemerals.set(row.name, subscription);
  }

  /** Ends whoever listens to it with NOT_FOUND; from this call on nobody finds it. */
  async removeEphemeral(subscription: SubscriptionState): Promise<void> {
    const { name } = subscription.row;
    if (!this.ephemerals.delete(name)) return;
    subscription.topic.subscriptions.delete(subscription);
    subscription.end(notFound(name));
    await subscription.close();
    this.ports.observer.subscriptionDeleted(name);
  }

  /**
   * Removes logs that nothing refers to any more, and the DEKs of the topics that they were; a
   * failure is tried again at the next start. `open`: the topic, where it was at work.
   */
  async dropLogs(doomed: readonly DoomedLog[], open?: TopicState): Promise<void> {
    const logs = doomed.map(({ log }) => log);
    try {
      await open?.use.load();
      await this.ports.store.drop(logs);
      for (const { topic } of doomed) if (topic !== undefined) await this.#forget(topic, open);
      await this.catalog.logsDropped(doomed);
    } catch (error) {
      this.ports.log.warn({ err: error, logs }, 'removing the logs of deleted resources failed');
    }
  }

  /** The DEKs of a topic whose log is dropped, and what was noted of their use. */
  async #forget({ name, uid }: { name: string; uid: string }, open?: TopicState): Promise<void> {
    const topic = { name, uid: Buffer.from(uid, 'hex') };
    const sealedCount = (version: number): number | null =>
      open?.use.sealedCount(version, open.lane.tail) ?? null;
    await this.ports.deks.forget(topic, sealedCount);
    await removeDekRuns(this.ports.meta, uid);
  }
}

async function inBatches<Item>(
  items: readonly Item[],
  each: (item: Item) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += openBatch) {
    await Promise.all(items.slice(at, at + openBatch).map(each));
  }
}
