import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import { checkDeadLetterPolicy } from '../dead-letter/dead-letter-rule.ts';
import { checkFilter } from '../filter/filter-parser.ts';
import { alreadyExists, detached as refusal, notFound } from '../errors.ts';
import { mergeSubscription } from './merged-rows.ts';
import type { Pager } from '../lists/page-token.ts';
import type { Registry } from '../registry.ts';
import { checkSubscriptionCount } from './resource-limits.ts';
import type { Change, Page, PageRequest, PushConfig, Subscription } from '../service.ts';
import { shownDetached, shownSubscription } from './shown-resources.ts';
import { checkDelivery } from './subscription-rules.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import { checkTransforms } from '../transforms/transform-rules.ts';

/** Creating, reading, changing and deleting subscriptions. */
export class Subscriptions {
  readonly #registry: Registry;
  readonly #pager: Pager;

  constructor(registry: Registry, pager: Pager) {
    this.#registry = registry;
    this.#pager = pager;
  }

  /** It gets the messages that are published once this has returned. Whole or not at all. */
  async create(subscription: Subscription): Promise<Subscription> {
    this.#refuseTaken(subscription.name);
    const { transforms: engine } = this.#registry.ports;
    const { messageTransforms } = subscription;
    if (messageTransforms !== undefined) await checkTransforms(messageTransforms, engine);
    return await this.#registry.changes.run(() => this.#create(subscription));
  }

  async #create(subscription: Subscription): Promise<Subscription> {
    const topic = this.#registry.topic(subscription.topic);
    checkDelivery(subscription);
    if (subscription.filter !== undefined) checkFilter(subscription.filter);
    checkDeadLetterPolicy(subscription.deadLetterPolicy, topic, this.#registry.topics);
    const { catalog, ports } = this.#registry;
    const { name } = subscription;
    this.#refuseTaken(name);
    checkSubscriptionCount(this.#registry, name, topic);
    const stored = await catalog.storedSubscription(name);
    // A creation that failed half-way, and whose client was told so.
    if (stored !== null) await this.#remove(stored);
    const lastActiveMs = ports.clock.wallMs();
    const of = { topicUid: topic.row.uid, start: topic.lane.tail, lastActiveMs };
    const { slot, topicRow } = topic.slotFor(subscription.filter);
    // First, and whatever comes of the rest: a row that may be stored has taken the slot.
    if (topicRow !== null) topic.update(topicRow);
    const row = await catalog.createSubscription(subscription, { ...of, ...slot }, topicRow);
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

  #refuseTaken(name: string): void {
    const { subscriptions, detached } = this.#registry;
    if (subscriptions.has(name) || detached.has(name)) throw alreadyExists(name);
  }

  /** Takes back a row whose log nobody has opened. */
  async #remove(row: SubscriptionRow): Promise<void> {
    await this.#registry.catalog.deleteSubscription(row, null);
    await this.#registry.dropLogs([{ log: row.log }]);
  }

  get(name: string): Subscription {
    const detached = this.#registry.detached.get(name);
    if (detached !== undefined) return shownDetached(this.#registry, detached);
    return this.#view(this.#registry.subscription(name));
  }

  async update(
    name: string,
    change: Change<Subscription>,
    fields: ReadonlySet<string>,
  ): Promise<Subscription> {
    if (fields.has('message_transforms')) {
      const { messageTransforms } = change(this.get(name));
      await checkTransforms(messageTransforms, this.#registry.ports.transforms);
    }
    return await this.#registry.changes.run(async () => {
      const row = mergeSubscription(this.#row(name), change(this.get(name)), fields);
      checkDelivery(row);
      if (fields.has('dead_letter_policy')) {
        const { topics, subscriptions } = this.#registry;
        checkDeadLetterPolicy(row.deadLetterPolicy, subscriptions.get(name)?.topic, topics);
      }
      await this.#change(row);
      return this.get(name);
    });
  }

  async modifyPushConfig(name: string, pushConfig: PushConfig | undefined): Promise<void> {
    await this.#registry.changes.run(async () => {
      const { pushConfig: before, ...rest } = this.#row(name);
      if (pushConfig === undefined) return await this.#change(rest);
      // What a call does not say about the version stays (pubsub.v1 PushConfig.attributes).
      const attributes = { ...before?.attributes, ...pushConfig.attributes };
      checkDelivery({ ...rest, pushConfig });
      await this.#change({ ...rest, pushConfig: { ...pushConfig, attributes } });
    });
  }

  #row(name: string): SubscriptionRow {
    return this.#registry.detached.get(name) ?? this.#registry.subscription(name).row;
  }

  async #change(changed: SubscriptionRow): Promise<void> {
    const { catalog, detached, ports } = this.#registry;
    const row = { ...changed, lastActiveMs: ports.clock.wallMs() };
    await catalog.updateSubscription(row);
    if (detached.has(row.name)) {
      detached.set(row.name, row);
      return;
    }
    const state = this.#registry.subscription(row.name);
    state.change(row);
    await state.settler.commitOutstanding();
  }

  /** Streams on it end with NOT_FOUND. */
  async delete(name: string): Promise<void> {
    await this.#registry.changes.run(() => this.#delete(name));
  }

  /** Deletes it if it is there and `isDue` says so when its turn has come. */
  async deleteIf(name: string, isDue: () => boolean): Promise<boolean> {
    return await this.#registry.changes.run(async () => {
      const { subscriptions, detached } = this.#registry;
      if (!(subscriptions.has(name) || detached.has(name)) || !isDue()) return false;
      await this.#delete(name);
      return true;
    });
  }

  /** Stores when it was last used. */
  async noteActivity(state: SubscriptionState): Promise<void> {
    await this.#registry.changes.run(async () => {
      if (state.isEnded) return;
      const row = { ...state.row, lastActiveMs: state.lastUsedMs };
      await this.#registry.catalog.updateSubscription(row);
      state.row = row;
    });
  }

  async #delete(name: string): Promise<void> {
    const { catalog, detached, ports } = this.#registry;
    const row = detached.get(name);
    if (row === undefined) {
      const state = this.#registry.subscription(name);
      await catalog.deleteSubscription(state.row, this.#registry.lastOf(state.topic));
      await this.#registry.removeSubscription(state, notFound(name));
    } else {
      await catalog.deleteSubscription(row, null);
      detached.delete(name);
    }
    ports.observer.subscriptionDeleted(name);
  }

  /** Drops its backlog at once; streams on it end with FAILED_PRECONDITION. */
  async detach(name: string): Promise<void> {
    await this.#registry.changes.run(async () => {
      const { catalog, detached, ports } = this.#registry;
      if (detached.has(name)) return;
      const state = this.#registry.subscription(name);
      const detachedFrom = state.topic.row.name;
      const lastActiveMs = ports.clock.wallMs();
      const row = { ...state.row, log: 0, lastActiveMs, detached: true, detachedFrom };
      await catalog.detachSubscription(state.row, row, this.#registry.lastOf(state.topic));
      detached.set(name, row);
      await this.#registry.removeSubscription(state, refusal(name));
    });
  }

  list(project: string, page: PageRequest): Page<Subscription> {
    const { subscriptions, detached } = this.#registry;
    const prefix = `${project}/subscriptions/`;
    const namesAfter = (after: string, limit: number): string[] =>
      [subscriptions, detached]
        .flatMap((some) => some.namesAfter(prefix, after, limit))
        .toSorted(compareNames)
        .slice(0, limit);
    const list = `subscriptions of ${project}`;
    const { items, nextPageToken } = this.#pager.page(list, namesAfter, page);
    return { items: items.map((name) => this.get(name)), nextPageToken };
  }

  #view(state: SubscriptionState): Subscription {
    return shownSubscription(this.#registry, state);
  }
}

const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
