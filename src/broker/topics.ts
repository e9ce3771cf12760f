import { doomedLane, type TopicRow } from './catalog/catalog-rows.ts';
import { alreadyExists, notFound } from './errors.ts';
import { mergeTopic } from './merged-rows.ts';
import type { Pager } from './page-token.ts';
import type { Registry } from './registry.ts';
import type { Page, PageRequest, Topic } from './service.ts';
import type { TopicState } from './topic-state.ts';

/** Creating, reading, changing and deleting topics. */
export class Topics {
  readonly #registry: Registry;
  readonly #pager: Pager;

  constructor(registry: Registry, pager: Pager) {
    this.#registry = registry;
    this.#pager = pager;
  }

  /** A topic with a key is refused unless that key can be used at once. Whole or not at all. */
  async create(topic: Topic): Promise<Topic> {
    if (this.#registry.topics.has(topic.name)) throw alreadyExists(topic.name);
    await this.#probe(topic);
    return await this.#registry.changes.run(() => this.#create(topic));
  }

  async #create(topic: Topic): Promise<Topic> {
    const { catalog, topics } = this.#registry;
    const stored = topics.has(topic.name) ? null : await catalog.storedTopic(topic.name);
    // A creation that failed half-way, and whose client was told so.
    if (stored !== null) await this.#remove(stored);
    const row = await catalog.createTopic(topic);
    try {
      await this.#registry.addTopic(row);
    } catch (error) {
      // What cannot be removed now is removed by the next try.
      await this.#remove(row).catch(() => undefined);
      throw error;
    }
    return view(row);
  }

  /** Takes back a row whose log nobody has opened. */
  async #remove(row: TopicRow): Promise<void> {
    await this.#registry.catalog.deleteTopic(row, false);
    await this.#registry.dropLogs([doomedLane(row)]);
  }

  get(name: string): Topic {
    return view(this.#registry.topic(name).row);
  }

  /** Changing the key is not retroactive: what is stored stays under the keys that sealed it. */
  async update(topic: Topic, fields: ReadonlySet<string>): Promise<Topic> {
    this.#registry.topic(topic.name);
    if (fields.has('kms_key_name')) await this.#probe(topic);
    return await this.#registry.changes.run(async () => {
      const state = this.#registry.topic(topic.name);
      const row = mergeTopic(state.row, topic, fields);
      await this.#registry.catalog.updateTopic(row);
      state.update(row);
      return view(row);
    });
  }

  /** Its subscriptions stay, with what they have not acknowledged; ephemeral ones end. */
  async delete(name: string): Promise<void> {
    await this.#registry.changes.run(() => this.#delete(name));
  }

  async #delete(name: string): Promise<void> {
    const state = this.#registry.topic(name);
    const isRead = this.#registry.storedSubscriptions(state).length > 0;
    await this.#registry.catalog.deleteTopic(state.row, isRead);
    const { ephemerals, deletedTopics, topics } = this.#registry;
    topics.delete(name);
    // At once, for the key may be taken away while the rest is waited for.
    if (isRead) deletedTopics.set(state.row.uid, state);
    for (const subscription of state.subscriptions) {
      if (ephemerals.has(subscription.row.name)) await this.#registry.removeEphemeral(subscription);
    }
    await state.lane.close(notFound(name));
    this.#registry.ports.observer.topicDeleted(name);
    if (!isRead) await this.forget(state);
  }

  list(project: string, page: PageRequest): Page<Topic> {
    const prefix = `${project}/topics/`;
    const names = [...this.#registry.topics.keys()].filter((name) => name.startsWith(prefix));
    const { items, nextPageToken } = this.#pager.page(`topics of ${project}`, names, page);
    return { items: items.map((name) => this.get(name)), nextPageToken };
  }

  listSubscriptions(name: string, page: PageRequest): Page<string> {
    const state = this.#registry.topics.get(name);
    if (state === undefined) throw notFound(name);
    const names = this.#registry.storedSubscriptions(state).map(({ row }) => row.name);
    return this.#pager.page(`subscriptions of ${name}`, names, page);
  }

  /** A topic that nobody reads any more: its messages and its DEKs go. */
  async forget(state: TopicState): Promise<void> {
    await this.#registry.dropLogs([doomedLane(state.row)]);
  }

  async #probe(topic: Topic): Promise<void> {
    if (topic.kmsKeyName === undefined) return;
    const uid = new Uint8Array(16);
    await this.#registry.ports.deks.probe({ name: topic.name, uid, kmsKeyName: topic.kmsKeyName });
  }
}

/** What a topic's row shows to the API. */
function view(row: TopicRow): Topic {
  const { uid: _uid, log: _log, ...topic } = row;
  return topic;
}
