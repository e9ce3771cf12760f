import {
  type BrokerService,
  type Change,
  type Delivery,
  type PullStream,
  type PushConfig,
  type Page,
  type SealableMessage,
  type SeekTarget,
  type SettleResult,
  type Snapshot,
  type SnapshotRequest,
  type StreamSettings,
  type StreamSink,
  type Subscription,
  type SubscriptionDiagnosis,
  type Topic,
  type TopicDiagnosis,
} from '../../src/broker/index.ts';
import { RpcError } from '../../src/rpc/index.ts';
import { absentBroker } from '../../src/server/absent-broker.ts';

/**
 * A broker's surface without a broker behind it: keeps what the API layer hands it, and delivers
 * what a test tells it to. For tests of the wires; delivery itself is tested on the real one.
 */
export class RecordingBroker implements BrokerService {
  /** Tests of schemas and transforms have the real broker. */
  readonly schemas: BrokerService['schemas'] = absentBroker().schemas;
  readonly transforms: BrokerService['transforms'] = absentBroker().transforms;
  readonly views: BrokerService['views'] = absentBroker().views;
  readonly topics: Map<string, Topic> = new Map();
  readonly subscriptions: Map<string, Subscription> = new Map();
  readonly snapshots: Map<string, Snapshot> = new Map();
  /** When those expire that are created. */
  snapshotExpireTimeMs: number = Date.UTC(2030, 0, 1);
  /** Subscriptions whose ack ids are answered one by one. */
  readonly exactlyOnce: Set<string> = new Set();
  readonly published: { topic: string; messages: SealableMessage[] }[] = [];
  readonly streams: RecordedStream[] = [];
  readonly calls: unknown[][] = [];
  readonly #revokedListeners: Set<(subscription: string) => void> = new Set();
  /** What the next pulls answer. */
  batch: Delivery[] = [];
  /** What becomes of each ack id, where the answer tells. */
  settle: (ackId: string) => SettleResult = () => 'done';
  /** What is told of a subscription or topic, by name. */
  readonly subscriptionDiagnoses: Map<string, SubscriptionDiagnosis> = new Map();
  readonly topicDiagnoses: Map<string, TopicDiagnosis> = new Map();
  /** Ephemeral subscriptions that are there now: their topics by name. */
  readonly ephemerals: Map<string, string> = new Map();
  #ephemeralCount = 0;
  /** Thrown by publish, if set. */
  publishError: unknown;
  /** Thrown by acknowledge, if set. */
  acknowledgeError: unknown;
  /** Makes pull wait for its signal. */
  pullWaits = false;

  async createTopic(topic: Topic): Promise<Topic> {
    this.calls.push(['createTopic', topic]);
    this.topics.set(topic.name, topic);
    return topic;
  }

  async getTopic(name: string): Promise<Topic> {
    return this.topics.get(name) ?? notFound(name);
  }

  async updateTopic(name: string, change: Change<Topic>, paths: readonly string[]): Promise<Topic> {
    const topic = change(await this.getTopic(name));
    this.calls.push(['updateTopic', topic, paths]);
    return topic;
  }

  async deleteTopic(name: string): Promise<void> {
    if (!this.topics.delete(name)) notFound(name);
  }

  async listTopics(
    project: string,
    page: object,
  ): Promise<{ items: Topic[]; nextPageToken: string }> {
    this.calls.push(['listTopics', project, page]);
    return { items: [...this.topics.values()], nextPageToken: 'next' };
  }

  async listTopicSubscriptions(): Promise<{ items: string[]; nextPageToken: string }> {
    return { items: [...this.subscriptions.keys()], nextPageToken: '' };
  }

  async createSubscription(subscription: Subscription): Promise<Subscription> {
    this.subscriptions.set(subscription.name, subscription);
    return subscription;
  }

  async getSubscription(name: string): Promise<Subscription> {
    return this.subscriptions.get(name) ?? notFound(name);
  }

  async updateSubscription(
    name: string,
    change: Change<Subscription>,
    paths: readonly string[],
  ): Promise<Subscription> {
    const subscription = change(await this.getSubscription(name));
    this.calls.push(['updateSubscription', subscription, paths]);
    return subscription;
  }

  async deleteSubscription(name: string): Promise<void> {
    if (!this.subscriptions.delete(name)) notFound(name);
  }

  async listSubscriptions(): Promise<{ items: Subscription[]; nextPageToken: string }> {
    return { items: [...this.subscriptions.values()], nextPageToken: '' };
  }

  async modifyPushConfig(name: string, pushConfig: PushConfig | undefined): Promise<void> {
    const { pushConfig: _before, ...rest } = await this.getSubscription(name);
    this.subscriptions.set(name, pushConfig === undefined ? rest : { ...rest, pushConfig });
  }

  async detachSubscription(name: string): Promise<void> {
    const subscription = await this.getSubscription(name);
    this.subscriptions.set(name, { ...subscription, detached: true });
  }

  async seek(name: string, target: SeekTarget): Promise<void> {
    this.calls.push(['seek', name, target]);
    if (!this.subscriptions.has(name)) notFound(name);
  }

  async createSnapshot(request: SnapshotRequest): Promise<Snapshot> {
    const { topic } = await this.getSubscription(request.subscription);
    const { name, labels } = request;
    const snapshot = { name, topic, labels, expireTimeMs: this.snapshotExpireTimeMs };
    this.snapshots.set(name, snapshot);
    return snapshot;
  }

  async getSnapshot(name: string): Promise<Snapshot> {
    return this.snapshots.get(name) ?? notFound(name);
  }

  async updateSnapshot(snapshot: Snapshot, paths: readonly string[]): Promise<Snapshot> {
    this.calls.push(['updateSnapshot', snapshot, paths]);
    return snapshot;
  }

  async deleteSnapshot(name: string): Promise<void> {
    if (!this.snapshots.delete(name)) notFound(name);
  }

  async listSnapshots(): Promise<Page<Snapshot>> {
    return { items: [...this.snapshots.values()], nextPageToken: '' };
  }

  async listTopicSnapshots(): Promise<Page<string>> {
    return { items: [...this.snapshots.keys()], nextPageToken: '' };
  }

  async createEphemeralSubscription(
    topic: string,
    ackDeadlineSeconds: number,
  ): Promise<Subscription> {
    this.calls.push(['createEphemeralSubscription', topic, ackDeadlineSeconds]);
    if (!this.topics.has(topic)) notFound(topic);
    const id = (++this.#ephemeralCount).toString(16).padStart(32, '0');
    const name = `${topic.split('/topics/')[0]}/subscriptions/goog-ephemeral-${id}`;
    this.ephemerals.set(name, topic);
    return {
      name,
      topic,
      labels: {},
      ackDeadlineSeconds,
      retainAckedMessages: false,
      messageRetentionMs: 7 * 24 * 3_600_000,
    };
  }

  async deleteEphemeralSubscription(name: string): Promise<void> {
    this.calls.push(['deleteEphemeralSubscription', name]);
    this.ephemerals.delete(name);
  }

  async diagnoseSubscription(name: string): Promise<SubscriptionDiagnosis> {
    return this.subscriptionDiagnoses.get(name) ?? notFound(name);
  }

  async diagnoseTopic(name: string): Promise<TopicDiagnosis> {
    return this.topicDiagnoses.get(name) ?? notFound(name);
  }

  async publish(topic: string, messages: readonly SealableMessage[]): Promise<string[]> {
    if (this.publishError !== undefined) throw this.publishError;
    // The bytes are views of the request and do not outlive it.
    const copies = messages.map((message) => ({ ...message, bytes: message.bytes.slice() }));
    this.published.push({ topic, messages: copies });
    return messages.map((_, index) => String(1_000 + index));
  }

  async pull<Reply>(
    subscription: string,
    request: { signal: AbortSignal },
    take: (batch: readonly Delivery[]) => Reply,
  ): Promise<Reply> {
    this.calls.push(['pull', subscription, request]);
    if (this.pullWaits) await aborted(request.signal);
    return take(this.batch);
  }

  async openStream(
    subscription: string,
    settings: StreamSettings,
    sink: StreamSink,
  ): Promise<PullStream> {
    const isKnown = this.subscriptions.has(subscription) || this.ephemerals.has(subscription);
    if (!isKnown) notFound(subscription);
    const stream = new RecordedStream(settings, sink);
    this.streams.push(stream);
    return stream;
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<void> {
    this.calls.push(['acknowledge', subscription, ackIds]);
    if (this.acknowledgeError !== undefined) throw this.acknowledgeError;
  }

  async modifyAckDeadline(name: string, ackIds: readonly string[], seconds: number): Promise<void> {
    this.calls.push(['modifyAckDeadline', name, ackIds, seconds]);
  }

  async acknowledgeEach(name: string, ackIds: readonly string[]): Promise<SettleResult[]> {
    this.calls.push(['acknowledgeEach', name, ackIds]);
    return ackIds.map(this.settle);
  }

  async modifyAckDeadlineEach(
    name: string,
    ackIds: readonly string[],
    seconds: number,
  ): Promise<SettleResult[]> {
    this.calls.push(['modifyAckDeadlineEach', name, ackIds, seconds]);
    return ackIds.map(this.settle);
  }

  giveBack(name: string, ackIds: readonly string[]): void {
    this.calls.push(['giveBack', name, ackIds]);
  }

  isExactlyOnce(subscription: string): boolean {
    return this.exactlyOnce.has(subscription);
  }

  onRevoked(listener: (subscription: string) => void): () => void {
    this.#revokedListeners.add(listener);
    return () => void this.#revokedListeners.delete(listener);
  }

  /** As the broker does when a topic's key goes. */
  revoke(subscription: string): void {
    for (const listener of this.#revokedListeners) listener(subscription);
  }

  streamAcknowledge(subscription: string, ackIds: readonly string[]): void {
    this.calls.push(['streamAcknowledge', subscription, ackIds]);
  }

  streamModifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: readonly number[],
  ): void {
    this.calls.push(['streamModifyAckDeadline', subscription, ackIds, seconds]);
  }
}

/** The broker's end of one stream, as far as the transport sees it. */
export class RecordedStream implements PullStream {
  readonly settings: StreamSettings;
  readonly sink: StreamSink;
  readonly deadlines: number[] = [];
  properties: PullStream['properties'] = { exactlyOnce: false, ordering: false };
  resumeCount = 0;
  isClosed = false;

  constructor(settings: StreamSettings, sink: StreamSink) {
    this.settings = settings;
    this.sink = sink;
  }

  resume(): void {
    this.resumeCount++;
  }

  setAckDeadline(seconds: number): void {
    this.deadlines.push(seconds);
  }

  close(): void {
    this.isClosed = true;
  }
}

function notFound(name: string): never {
  const id = name.slice(name.lastIndexOf('/') + 1);
  throw new RpcError('NOT_FOUND', 'RESOURCE_NOT_FOUND', `Resource not found (resource=${id}).`);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
