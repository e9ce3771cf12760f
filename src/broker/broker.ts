import type { DekEvent } from '../envelope/index.ts';
import { RpcError } from '../rpc/index.ts';
import { Consumer } from './delivery/consumer.ts';
import { draining } from './errors.ts';
import { limits, tooLarge, tooSmall } from './limits.ts';
import type { BacklogReport } from './observer.ts';
import { Pager } from './page-token.ts';
import { pullOnce } from './delivery/pull-once.ts';
import { Registry, type BrokerLimits, type BrokerPorts } from './registry.ts';
import { RetentionSweeper } from './retention.ts';
import type {
  BrokerService,
  Delivery,
  Page,
  PageRequest,
  PullRequest,
  PullStream,
  SealableMessage,
  StreamSettings,
  StreamSink,
  Subscription,
  Topic,
} from './service.ts';
import { Subscriptions } from './subscriptions.ts';
import { Topics } from './topics.ts';

/** Subscriptions that are reported on before the event loop is looked at. */
const reportsPerTurn = 16;
/** One turn of a stream. */
const turnBytes = 256 * 1024;

/** The broker as the APIs see it. Opened with everything that is stored already taken over. */
export class Broker implements BrokerService {
  readonly #registry: Registry;
  readonly #topics: Topics;
  readonly #subscriptions: Subscriptions;
  readonly #sweeper: RetentionSweeper;
  readonly #stopEvents: () => void;
  readonly #revokedListeners: Set<(subscription: string) => void> = new Set();
  #isDraining = false;
  #drained: Promise<void> | null = null;

  static async open(ports: BrokerPorts, brokerLimits: BrokerLimits): Promise<Broker> {
    const registry = new Registry(ports, brokerLimits);
    await registry.load();
    return new Broker(registry);
  }

  private constructor(registry: Registry) {
    const pager = new Pager(registry.ports.mac);
    this.#registry = registry;
    this.#topics = new Topics(registry, pager);
    this.#subscriptions = new Subscriptions(registry, this.#topics, pager);
    this.#sweeper = new RetentionSweeper(registry);
    this.#sweeper.start();
    this.#stopEvents = registry.ports.deks.onEvent((event) => this.#onDekEvent(event));
  }

  async createTopic(topic: Topic): Promise<Topic> {
    return await this.#topics.create(topic);
  }

  async getTopic(name: string): Promise<Topic> {
    return this.#topics.get(name);
  }

  async updateTopic(topic: Topic, fields: readonly string[]): Promise<Topic> {
    return await this.#topics.update(topic, new Set(fields));
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#topics.delete(name);
  }

  async listTopics(project: string, page: PageRequest): Promise<Page<Topic>> {
    return this.#topics.list(project, page);
  }

  async listTopicSubscriptions(topic: string, page: PageRequest): Promise<Page<string>> {
    return this.#topics.listSubscriptions(topic, page);
  }

  async createSubscription(subscription: Subscription): Promise<Subscription> {
    return await this.#subscriptions.create(subscription);
  }

  async getSubscription(name: string): Promise<Subscription> {
    return this.#subscriptions.get(name);
  }

  async updateSubscription(
    subscription: Subscription,
    fields: readonly string[],
  ): Promise<Subscription> {
    return await this.#subscriptions.update(subscription, new Set(fields));
  }

  async deleteSubscription(name: string): Promise<void> {
    await this.#subscriptions.delete(name);
  }

  async listSubscriptions(project: string, page: PageRequest): Promise<Page<Subscription>> {
    return this.#subscriptions.list(project, page);
  }

  async publish(topicName: string, messages: readonly SealableMessage[]): Promise<string[]> {
    const { clock, observer } = this.#registry.ports;
    const startedMs = clock.monotonicMs();
    try {
      if (this.#isDraining) throw draining();
      checkPublish(messages);
      const ids = await this.#registry.topic(topicName).lane.publish(messages);
      observer.publish(topicName, 'OK', ids.length, clock.monotonicMs() - startedMs);
      return ids;
    } catch (error) {
      const { code } = RpcError.from(error);
      observer.publish(topicName, code, 0, clock.monotonicMs() - startedMs);
      throw error;
    }
  }

  async pull<Reply>(
    subscription: string,
    request: PullRequest,
    take: (batch: readonly Delivery[]) => Reply,
  ): Promise<Reply> {
    const { clock, observer } = this.#registry.ports;
    const startedMs = clock.monotonicMs();
    try {
      if (this.#isDraining) throw draining();
      checkPull(request);
      const state = this.#registry.subscription(subscription);
      const reply = await pullOnce(state, request, { clock }, take);
      observer.pull(subscription, 'OK', clock.monotonicMs() - startedMs);
      return reply;
    } catch (error) {
      observer.pull(subscription, RpcError.from(error).code, clock.monotonicMs() - startedMs);
      throw error;
    }
  }

  async openStream(
    subscription: string,
    settings: StreamSettings,
    sink: StreamSink,
  ): Promise<PullStream> {
    if (this.#isDraining) throw draining();
    const { observer } = this.#registry.ports;
    const state = this.#registry.subscription(subscription);
    const consumer = new Consumer({
      limits: {
        messagesMax: orUnlimited(settings.outstandingMessagesMax),
        bytesMax: orUnlimited(settings.outstandingBytesMax),
        turnBytes,
      },
      ackDeadlineMs: settings.ackDeadlineSeconds * 1000,
      deliver: (batch) => {
        observer.streamingPullResponse(subscription, 'OK');
        return sink.deliver(batch);
      },
      fail: (error) => {
        observer.streamingPullResponse(subscription, RpcError.from(error).code);
        state.detach(consumer);
        sink.fail(error);
      },
    });
    try {
      await state.attach(consumer);
    } catch (error) {
      observer.streamingPullResponse(subscription, RpcError.from(error).code);
      throw error;
    }
    return {
      resume: () => state.resume(consumer),
      setAckDeadline: (seconds) => {
        consumer.ackDeadlineMs = seconds * 1000;
      },
      close: () => state.detach(consumer),
    };
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<void> {
    await this.#registry.subscription(subscription).acknowledge(ackIds);
  }

  async modifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: number,
  ): Promise<void> {
    this.#registry.subscription(subscription).modifyDeadline(ackIds, seconds);
  }

  streamAcknowledge(subscription: string, ackIds: readonly string[]): void {
    this.#registry.subscriptions.get(subscription)?.acknowledgeSoon(ackIds);
  }

  streamModifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: readonly number[],
  ): void {
    const state = this.#registry.subscriptions.get(subscription);
    if (state === undefined) return;
    for (const [i, ackId] of ackIds.entries()) state.modifyDeadlineSoon(ackId, seconds[i] ?? 0);
  }

  onRevoked(listener: (subscription: string) => void): () => void {
    this.#revokedListeners.add(listener);
    return () => void this.#revokedListeners.delete(listener);
  }

  /** Where every subscription stands, for the gauges. */
  async backlogs(): Promise<BacklogReport[]> {
    const reports: BacklogReport[] = [];
    // One after the other: each may read a segment, and there may be thousands.
    for (const state of this.#registry.subscriptions.values()) {
      reports.push(await state.report());
      if (reports.length % reportsPerTurn === 0) await this.#nextTurn();
    }
    return reports;
  }

  /** Opened bytes that are held to be delivered again. */
  get openedBytes(): number {
    return this.#registry.openedBytes;
  }

  /** Runs what the clock runs every few seconds: expires and trims now. */
  async sweep(): Promise<void> {
    await this.#sweeper.sweep();
  }

  /**
   * Ends streams with UNAVAILABLE, takes no more work, makes every acknowledgement durable that was
   * or will be answered. Who calls again waits for the same.
   */
  async drain(): Promise<void> {
    this.#drained ??= this.#drain();
    await this.#drained;
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    this.#stopEvents();
    const states = [...this.#registry.subscriptions.values()];
    for (const state of states) state.end(draining());
    await this.#sweeper.close();
    const results = await Promise.allSettled(states.map(async (state) => await state.drain()));
    for (const result of results) {
      if (result.status === 'rejected') {
        this.#registry.ports.log.warn(
          { err: result.reason },
          'acknowledgements were not made durable',
        );
      }
    }
    await Promise.all(states.map(async (state) => await state.close()));
    this.#registry.wheel.close();
  }

  async #nextTurn(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#registry.ports.clock.soon(resolve);
    });
  }

  #tellRevoked(subscription: string): void {
    for (const listener of this.#revokedListeners) listener(subscription);
  }

  #onDekEvent(event: DekEvent): void {
    const { topics, deletedTopics } = this.#registry;
    for (const topic of [...topics.values(), ...deletedTopics.values()]) {
      if (topic.row.name !== event.topicName) continue;
      for (const subscription of topic.subscriptions) {
        void subscription.checkKey();
        if (event.kind === 'revoked') this.#tellRevoked(subscription.row.name);
      }
    }
  }
}

/** pubsub.v1 StreamingPullRequest: 0 or less is no limit. */
const orUnlimited = (max: number): number => (max > 0 ? max : Infinity);

/** pubsub.v1 Publish: 1 to 1,000 messages, 10 MB together, one ordering key in all. */
function checkPublish(messages: readonly SealableMessage[]): void {
  const { messagesPerPublishMax, requestBytesMax } = limits;
  const count = messages.length;
  if (count === 0) throw tooSmall('message_count', 0, 1);
  if (count > messagesPerPublishMax) throw tooLarge('message_count', count, messagesPerPublishMax);
  const { orderingKey } = messages[0]!;
  let bytes = 0;
  for (const message of messages) {
    bytes += message.bytes.length;
    if (message.orderingKey !== orderingKey) throw mixedOrderingKeys();
  }
  if (bytes > requestBytesMax) throw tooLarge('request_size', bytes, requestBytesMax);
}

const mixedOrderingKeys = (): RpcError =>
  new RpcError(
    'INVALID_ARGUMENT',
    'MIXED_ORDERING_KEYS',
    'In a single publish request, all messages must have no ordering key or they must all have the same ordering key.',
  );

function checkPull(request: PullRequest): void {
  if (request.messagesMax < 1) throw tooSmall('max_messages', request.messagesMax, 1);
  if (request.messagesMax > limits.pullMessagesMax) {
    throw tooLarge('max_messages', request.messagesMax, limits.pullMessagesMax);
  }
}
