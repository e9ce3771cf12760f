import type { SubscriptionRow, TopicRow } from './catalog/catalog-rows.ts';
import { alreadyExists, notFound } from './errors.ts';
import { mergeSubscription } from './merged-rows.ts';
import type { Pager } from './page-token.ts';
import type { Registry } from './registry.ts';
import type { Page, PageRequest, PushConfig, Subscription } from './service.ts';
import { checkDeadLetterTopic, checkDelivery } from './subscription-rules.ts';
import type { SubscriptionState } from './subscription-state.ts';
import type { Topics } from './topics.ts';

/** Shown in place of a deleted topic's name (pubsub.v1 Subscription.topic). */
export const deletedTopic: string = '_deleted-topic_';

/** Creating, reading, changing and deleting subscriptions. */
export class Subscriptions {
  readonly #registry: Registry;
  readonly #topics: Topics;
  readonly #pager: Pager;

  constructor(registry: Registry, topics: Topics, pager: Pager) {
    this.#registry = registry;
    this.#topics = topics;
    this.#pager = pager;
  }

  /** It gets the messages that are published once this has returned. Whole or not at all. */
  async create(subscription: Subscription): Promise<Subscription> {
    if (this.#registry.subscriptions.has(subscription.name)) throw alreadyExists(subscription.name);
    return await this.#registry.changes.run(() => this.#create(subscription));
  }

  async #create(subscription: Subscription): Promise<Subscription> {
    const topic = this.#registry.topic(subscription.topic);
    checkDelivery(subscription);
    checkDeadLetterTopic(this.#registry, subscription.deadLetterPolicy);
    const { catalog, subscriptions } = this.#registry;
    const { name } = subscription;
    const stored = subscriptions.has(name) ? null : await catalog.storedSubscription(name);
    // A creation that failed half-way, and whose client was told so.
    if (stored !== null) await this.#remove(stored);
    const of = { topicUid: topic.row.uid, start: topic.lane.tail };
    const row = await catalog.createSubscription(subscription, of);
    try {
      const state = await this.#registry.addSubscription(row, topic);
      if (!this.#registry.isDraining) state.applyPush();
      return this.#view(state);
    } catch (error) {
      // What cannot be removed now is removed by the next try.
      await this.#remove(row).catch(() => undefined);
      throw error;
    }
  }

  /** Takes back a row whose log nobody has opened. */
  async #remove(row: SubscriptionRow): Promise<void> {
    await this.#registry.catalog.deleteSubscription(row, null);
    await this.#registry.dropLogs([{ log: row.log }]);
  }

  get(name: string): Subscription {
    return this.#view(this.#registry.subscription(name));
  }

  async update(subscription: Subscription, fields: ReadonlySet<string>): Promise<Subscription> {
    return await this.#registry.changes.run(async () => {
      const state = this.#registry.subscription(subscription.name);
      const row = mergeSubscription(state.row, subscription, fields);
      checkDelivery(row);
      if (fields.has('dead_letter_policy')) {
        checkDeadLetterTopic(this.#registry, row.deadLetterPolicy);
      }
      await this.#change(state, row);
      return this.#view(state);
    });
  }

  async modifyPushConfig(name: string, pushConfig: PushConfig | undefined): Promise<void> {
    await this.#registry.changes.run(async () => {
      const state = this.#registry.subscription(name);
      const { pushConfig: before, ...rest } = state.row;
      if (pushConfig === undefined) return await this.#change(state, rest);
      // What a call does not say about the version stays (pubsub.v1 PushConfig.attributes).
      const attributes = { ...before?.attributes, ...pushConfig.attributes };
      checkDelivery({ ...rest, pushConfig });
      await this.#change(state, { ...rest, pushConfig: { ...pushConfig, attributes } });
    });
  }

  async #change(state: SubscriptionState, row: SubscriptionRow): Promise<void> {
    await this.#registry.catalog.updateSubscription(row);
    state.change(row);
  }

  /** Streams on it end with NOT_FOUND. */
  async delete(name: string): Promise<void> {
    await this.#registry.changes.run(() => this.#delete(name));
  }

  async #delete(name: string): Promise<void> {
    const state = this.#registry.subscription(name);
    const { topic } = state;
    const isLast =
      topic.subscriptions.size === 1 && this.#registry.deletedTopics.has(topic.row.uid);
    const lastOf: TopicRow | null = isLast ? topic.row : null;
    await this.#registry.catalog.deleteSubscription(state.row, lastOf);
    this.#registry.subscriptions.delete(name);
    topic.subscriptions.delete(state);
    state.end(notFound(name));
    // The DEKs go with the topic, and with them whoever would tell that its key is taken away.
    if (isLast) state.cutPush();
    await state.close();
    this.#registry.ports.observer.subscriptionDeleted(name);
    await this.#registry.dropLogs([{ log: state.row.log }]);
    if (!isLast) return;
    this.#registry.deletedTopics.delete(topic.row.uid);
    await this.#topics.forget(topic);
  }

  list(project: string, page: PageRequest): Page<Subscription> {
    const prefix = `${project}/subscriptions/`;
    const names = [...this.#registry.subscriptions.keys()].filter((name) =>
      name.startsWith(prefix),
    );
    const { items, nextPageToken } = this.#pager.page(`subscriptions of ${project}`, names, page);
    return { items: items.map((name) => this.get(name)), nextPageToken };
  }

  #view(state: SubscriptionState): Subscription {
    const { id: _id, log: _log, start: _start, topicUid, ...shown } = state.row;
    const topic = state.topic.row;
    const isDeleted = this.#registry.deletedTopics.has(topicUid);
    return {
      ...shown,
      topic: isDeleted ? deletedTopic : topic.name,
      state: (state.pushStatus?.stalledBy ?? null) === null ? 'ACTIVE' : 'RESOURCE_ERROR',
      ...(topic.messageRetentionMs === undefined || isDeleted
        ? {}
        : { topicMessageRetentionMs: topic.messageRetentionMs }),
    };
  }
}
