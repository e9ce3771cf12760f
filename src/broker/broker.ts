import type { SealedTopic } from '../envelope/index.ts';
import { drainBroker } from './broker-drain.ts';
import { ConfigCalls } from './config-calls.ts';
import { Diagnostician } from './diagnosis/diagnostician.ts';
import { EphemeralSubscriptions } from './resources/ephemeral-subscriptions.ts';
import type { BacklogReport, SnapshotReport, TopicReport } from './observer.ts';
import { Expiration } from './retention/expiration.ts';
import { DekCollector } from './key-use/dek-collector.ts';
import { KeyRewraps, noRewrapJournal } from './key-use/key-rewraps.ts';
import { KeyUse, type VersionUse } from './key-use/key-use.ts';
import type { RewrapProgress } from './key-use/rewrap-progress.ts';
import { KeyEvents } from './key-events.ts';
import { Pager } from './lists/page-token.ts';
import type { BacklogViews } from './peek/backlog-views.ts';
import { Peeking } from './peek/peeking.ts';
import { PublisherCalls } from './publisher-calls.ts';
import { Registry, type BrokerLimits, type BrokerPorts } from './registry.ts';
import { BrokerDirectory } from './resource-directory.ts';
import { Reporter } from './reporter.ts';
import { RetentionSweeper } from './retention/retention.ts';
import type { SchemaAdministration } from './schemas/schema-administration.ts';
import { Schemas } from './schemas/schemas.ts';
import { Seeking } from './seeking.ts';
import type {
  BrokerService,
  Change,
  Delivery,
  Page,
  PageRequest,
  PullRequest,
  PullStream,
  PushConfig,
  SealableMessage,
  SeekTarget,
  SettleResult,
  Snapshot,
  SnapshotRequest,
  StreamSettings,
  StreamSink,
  Subscription,
  SubscriptionDiagnosis,
  Topic,
  TopicDiagnosis,
} from './service.ts';
import { Snapshots } from './snapshots/snapshots.ts';
import { SubscriberCalls } from './subscriber-calls.ts';
import { Subscriptions } from './resources/subscriptions.ts';
import { AbsentTopics } from './resources/absent-topics.ts';
import { Topics } from './resources/topics.ts';
import type { TransformAdministration } from './transforms/transform-administration.ts';
import { TransformTrials } from './transforms/transform-trials.ts';
import type { Verifiable } from '../verification/index.ts';
import { brokerVerifiables } from './verification/verifiables.ts';

/** The broker as the APIs see it. Opened with everything that is stored already taken over. */
export class Broker implements BrokerService {
  readonly schemas: SchemaAdministration;
  readonly transforms: TransformAdministration;
  readonly views: BacklogViews;
  readonly directory: BrokerDirectory;
  readonly #registry: Registry;
  readonly #calls: ConfigCalls;
  readonly #topics: Topics;
  readonly #subscriptions: Subscriptions;
  readonly #absentTopics: AbsentTopics;
  readonly #snapshots: Snapshots;
  readonly #seeking: Seeking;
  readonly #ephemerals: EphemeralSubscriptions;
  readonly #diagnostician: Diagnostician;
  readonly #reporter: Reporter;
  readonly #publisher: PublisherCalls;
  readonly #subscriber: SubscriberCalls;
  readonly #sweeper: RetentionSweeper;
  readonly #collector: DekCollector;
  readonly #keyUse: KeyUse;
  readonly #rewraps: KeyRewraps;
  readonly #keyEvents: KeyEvents;
  #drained: Promise<void> | null = null;

  static async open(ports: BrokerPorts, brokerLimits: BrokerLimits): Promise<Broker> {
    const registry = new Registry(ports, brokerLimits);
    await registry.load();
    const broker = new Broker(registry, brokerLimits.createsTopics === true);
    await broker.#rewraps.resume();
    return broker;
  }

  private constructor(registry: Registry, createsTopics: boolean) {
    const pager = new Pager(registry.ports.mac);
    this.#registry = registry;
    this.schemas = new Schemas(registry, pager);
    this.transforms = new TransformTrials(registry);
    this.directory = new BrokerDirectory(registry);
    this.#calls = new ConfigCalls(registry.ports.observer);
    this.#topics = new Topics(registry, pager);
    this.#absentTopics = new AbsentTopics(registry, createsTopics, (topic) =>
      this.createTopic(topic),
    );
    this.#subscriptions = new Subscriptions(registry, pager);
    this.#snapshots = new Snapshots(registry, pager);
    this.#seeking = new Seeking(registry);
    this.views = new Peeking(registry, pager, this.#seeking);
    this.#ephemerals = new EphemeralSubscriptions(registry);
    this.#diagnostician = new Diagnostician(registry);
    this.#reporter = new Reporter(registry);
    this.#publisher = new PublisherCalls(registry);
    this.#subscriber = new SubscriberCalls(registry);
    const expired = { subscriptions: this.#subscriptions, snapshots: this.#snapshots };
    this.#collector = new DekCollector(registry);
    this.#keyUse = new KeyUse(registry);
    this.#rewraps = new KeyRewraps(registry, registry.ports.rewrapJournal ?? noRewrapJournal);
    const expiration = new Expiration(registry, expired);
    this.#sweeper = new RetentionSweeper(registry, expiration, this.#collector);
    this.#sweeper.start();
    this.#keyEvents = new KeyEvents(registry);
  }

  /** Pushes what is stored: once endpoints that look at our keys would find them. */
  startPush(): void {
    for (const state of this.#registry.subscriptions.values()) state.applyPush();
  }

  async createTopic(topic: Topic): Promise<Topic> {
    return await this.#calls.topic('create', topic.name, () => this.#topics.create(topic));
  }

  async getTopic(name: string): Promise<Topic> {
    return this.#topics.get(name);
  }

  async updateTopic(
    name: string,
    change: Change<Topic>,
    fields: readonly string[],
  ): Promise<Topic> {
    const update = (): Promise<Topic> => this.#topics.update(name, change, new Set(fields));
    return await this.#calls.topic('update', name, update);
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#calls.topic('delete', name, () => this.#topics.delete(name));
  }

  async listTopics(project: string, page: PageRequest): Promise<Page<Topic>> {
    return this.#topics.list(project, page);
  }

  async listTopicSubscriptions(topic: string, page: PageRequest): Promise<Page<string>> {
    return this.#topics.listSubscriptions(topic, page);
  }

  async createSubscription(subscription: Subscription): Promise<Subscription> {
    const { topic } = subscription;
    if (this.#absentTopics.lacks(topic)) await this.#absentTopics.make(topic);
    const create = (): Promise<Subscription> => this.#subscriptions.create(subscription);
    return await this.#calls.subscription('create', subscription.name, create);
  }

  async getSubscription(name: string): Promise<Subscription> {
    return this.#subscriptions.get(name);
  }

  async updateSubscription(
    name: string,
    change: Change<Subscription>,
    fields: readonly string[],
  ): Promise<Subscription> {
    const update = (): Promise<Subscription> =>
      this.#subscriptions.update(name, change, new Set(fields));
    return await this.#calls.subscription('update', name, update);
  }

  async modifyPushConfig(name: string, pushConfig: PushConfig | undefined): Promise<void> {
    const modify = (): Promise<void> => this.#subscriptions.modifyPushConfig(name, pushConfig);
    await this.#calls.subscription('update', name, modify);
  }

  async deleteSubscription(name: string): Promise<void> {
    await this.#calls.subscription('delete', name, () => this.#subscriptions.delete(name));
  }

  async listSubscriptions(project: string, page: PageRequest): Promise<Page<Subscription>> {
    return this.#subscriptions.list(project, page);
  }

  async detachSubscription(name: string): Promise<void> {
    await this.#calls.subscription('update', name, () => this.#subscriptions.detach(name));
  }

  async seek(subscription: string, target: SeekTarget): Promise<void> {
    await this.#seeking.seek(subscription, target);
  }

  async createSnapshot(request: SnapshotRequest): Promise<Snapshot> {
    const create = (): Promise<Snapshot> => this.#snapshots.create(request);
    return await this.#calls.snapshot('create', request.name, create);
  }

  async getSnapshot(name: string): Promise<Snapshot> {
    return this.#snapshots.get(name);
  }

  async updateSnapshot(snapshot: Snapshot, fields: readonly string[]): Promise<Snapshot> {
    const update = (): Promise<Snapshot> => this.#snapshots.update(snapshot, new Set(fields));
    return await this.#calls.snapshot('update', snapshot.name, update);
  }

  async deleteSnapshot(name: string): Promise<void> {
    await this.#calls.snapshot('delete', name, () => this.#snapshots.delete(name));
  }

  async listSnapshots(project: string, page: PageRequest): Promise<Page<Snapshot>> {
    return this.#snapshots.list(project, page);
  }

  async listTopicSnapshots(topic: string, page: PageRequest): Promise<Page<string>> {
    return this.#topics.listSnapshots(topic, page);
  }

  async createEphemeralSubscription(
    topic: string,
    ackDeadlineSeconds: number,
  ): Promise<Subscription> {
    if (this.#absentTopics.lacks(topic)) await this.#absentTopics.make(topic);
    return this.#ephemerals.create(topic, ackDeadlineSeconds);
  }

  async deleteEphemeralSubscription(name: string): Promise<void> {
    await this.#ephemerals.delete(name);
  }

  async diagnoseSubscription(name: string): Promise<SubscriptionDiagnosis> {
    return await this.#diagnostician.subscription(name);
  }

  async diagnoseTopic(name: string): Promise<TopicDiagnosis> {
    return await this.#diagnostician.topic(name);
  }

  async publish(topicName: string, messages: readonly SealableMessage[]): Promise<string[]> {
    if (this.#absentTopics.lacks(topicName)) await this.#absentTopics.make(topicName);
    return await this.#publisher.publish(topicName, messages);
  }

  async pull<Reply>(
    subscription: string,
    request: PullRequest,
    take: (batch: readonly Delivery[]) => Reply,
  ): Promise<Reply> {
    return await this.#subscriber.pull(subscription, request, take);
  }

  async openStream(
    subscription: string,
    settings: StreamSettings,
    sink: StreamSink,
  ): Promise<PullStream> {
    return await this.#subscriber.openStream(subscription, settings, sink);
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<void> {
    await this.#subscriber.acknowledge(subscription, ackIds);
  }

  async modifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: number,
  ): Promise<void> {
    await this.#subscriber.modifyAckDeadline(subscription, ackIds, seconds);
  }

  async acknowledgeEach(subscription: string, ackIds: readonly string[]): Promise<SettleResult[]> {
    return await this.#subscriber.acknowledgeEach(subscription, ackIds);
  }

  async modifyAckDeadlineEach(
    subscription: string,
    ackIds: readonly string[],
    seconds: number,
  ): Promise<SettleResult[]> {
    return await this.#subscriber.modifyAckDeadlineEach(subscription, ackIds, seconds);
  }

  streamAcknowledge(subscription: string, ackIds: readonly string[]): void {
    this.#subscriber.acknowledgeSoon(subscription, ackIds);
  }

  streamModifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: readonly number[],
  ): void {
    this.#subscriber.modifyAckDeadlinesSoon(subscription, ackIds, seconds);
  }

  giveBack(subscription: string, ackIds: readonly string[]): void {
    const state = this.#registry.findSubscription(subscription);
    for (const ackId of ackIds) state?.giveBack(ackId);
  }

  isExactlyOnce(subscription: string): boolean {
    return this.#registry.findSubscription(subscription)?.row.enableExactlyOnceDelivery === true;
  }

  onRevoked(listener: (subscription: string) => void): () => void {
    return this.#keyEvents.onRevoked(listener);
  }

  /** Where every attached subscription stands, for the gauges. */
  async backlogs(): Promise<BacklogReport[]> {
    return await this.#reporter.backlogs();
  }

  /** Where every topic stands that was not deleted, for the gauges. */
  async topicReports(): Promise<TopicReport[]> {
    return await this.#reporter.topics();
  }

  /** Where every snapshot stands, for the gauges. */
  async snapshotReports(): Promise<SnapshotReport[]> {
    return await this.#reporter.snapshots();
  }

  /** Opened bytes, kept to be delivered again. */
  get openedBytes(): number {
    return this.#registry.openedBytes;
  }

  /** Every topic of which messages may be stored, deleted ones that are still read included. */
  sealedTopics(): SealedTopic[] {
    const { topics, deletedTopics } = this.#registry;
    return [...topics.values(), ...deletedTopics.values()].map(({ key }) => key.topic);
  }

  /** All that the broker has stored, to be authenticated. */
  verifiables(): Verifiable[] {
    return brokerVerifiables(this.#registry);
  }

  /** What depends on a CryptoKey, by version, or on one CryptoKeyVersion; null: on any. */
  async keyUse(name: string | null): Promise<VersionUse[]> {
    return await this.#keyUse.of(name);
  }

  /**
   * Moves the DEKs that a CryptoKey wraps to its primary version, in the background; goes on after a
   * crash. `from`: those of this version alone. `to`: to another CryptoKey.
   */
  async startRewrap(
    keyName: string,
    options: { readonly from?: string; readonly to?: string } = {},
  ): Promise<RewrapProgress> {
    return await this.#rewraps.start(keyName, options);
  }

  /** Of the last rewrap of a CryptoKey. Throws NOT_FOUND without one. */
  rewrapProgress(keyName: string): RewrapProgress {
    return this.#rewraps.progress(keyName);
  }

  /** Runs what the clock runs every few seconds: expires and trims now. */
  async sweep(): Promise<void> {
    await this.#sweeper.sweep();
  }

  /**
   * Ends streams with UNAVAILABLE, takes no more work, makes every acknowledgement durable that was
   * or will be answered. Requests of push that are under way have `pushGraceMs` to be answered. Who
   * calls again waits for the same.
   */
  async drain(pushGraceMs: number = 10_000): Promise<void> {
    this.#drained ??= drainBroker(this.#registry, pushGraceMs, () => this.#stopWork());
    await this.#drained;
  }

  async #stopWork(): Promise<void> {
    this.#keyEvents.close();
    await this.#sweeper.close();
    await this.#collector.close();
    await this.#rewraps.close();
  }
}
