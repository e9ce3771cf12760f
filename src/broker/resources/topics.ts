import { doomedLane, type TopicRow } from '../catalog/catalog-rows.ts';
import { alreadyExists, notFound } from '../errors.ts';
import { mergeTopic } from './merged-rows.ts';
import type { Pager } from '../lists/page-token.ts';
import type { Registry } from '../registry.ts';
import { type KeyPolicy, noKeyPolicy } from './key-policy.ts';
import { checkTopicCount } from './resource-limits.ts';
import { schemaBinding, withoutBinding } from '../schemas/topic-binding.ts';
import type { Change, Page, PageRequest, Topic } from '../service.ts';
import { shownTopic } from './shown-resources.ts';
import { checkTransitRegion } from './storage-policy.ts';
import type { TopicState } from '../topic-state.ts';
import { checkTransforms } from '../transforms/transform-rules.ts';

/** Creating, reading, changing and deleting topics. */
export class Topics {
  readonly #registry: Registry;
  readonly #pager: Pager;

  constructor(registry: Registry, pager: Pager) {
    this.#registry = registry;
    this.#pager = pager;
  }

  /**
   * A topic with a key is refused unless that key can be used at once, and any that the operator's
   * policy excludes. Whole or not at all.
   */
  async create(topic: Topic): Promise<Topic> {
    if (this.#registry.topics.has(topic.name)) throw alreadyExists(topic.name);
    if (topic.messageTransforms !== undefined) {
      await checkTransforms(topic.messageTransforms, this.#registry.ports.transforms);
    }
    await this.#keyPolicy.require(topic, 'CreateTopic');
    await this.#probe(topic);
    return await this.#registry.changes.run(() => this.#create(topic));
  }

  async #create(topic: Topic): Promise<Topic> {
    const { catalog, topics } = this.#registry;
    if (topics.has(topic.name)) throw alreadyExists(topic.name);
    checkTopicCount(this.#registry, topic.name);
    const binding = schemaBinding(this.#registry.schemas, topic.schemaSettings);
    const stored = await catalog.storedTopic(topic.name);
    // A creation that failed half-way, and whose client was told so.
    if (stored !== null) await this.#remove(stored);
    const row = await catalog.createTopic(topic, binding);
    try {
      await this.#registry.addTopic(row);
    } catch (error) {
      // What cannot be removed now is removed by the next try.
      await this.#remove(row).catch(() => undefined);
      throw error;
    }
    return shownTopic(this.#registry, row);
  }

  /** Takes back a row whose log nobody has opened. */
  async #remove(row: TopicRow): Promise<void> {
    await this.#registry.catalog.deleteTopic(row, false);
    await this.#registry.dropLogs([doomedLane(row)]);
  }

  get(name: string): Topic {
    return shownTopic(this.#registry, this.#registry.topic(name).row);
  }

  /** Changing the key is not retroactive: what is stored stays under the keys that sealed it. */
  async update(name: string, change: Change<Topic>, fields: ReadonlySet<string>): Promise<Topic> {
    const present = this.get(name);
    const foreseen = change(present);
    if (fields.has('message_transforms')) {
      await checkTransforms(foreseen.messageTransforms, this.#registry.ports.transforms);
    }
    if (fields.has('kms_key_name')) {
      const isOther = foreseen.kmsKeyName !== present.kmsKeyName;
      if (isOther) await this.#keyPolicy.require(foreseen, 'UpdateTopic');
      await this.#probe(foreseen);
    }
    return await this.#registry.changes.run(async () => {
      const state = this.#registry.topic(name);
      const row = this.#merged(state.row, change, fields);
      await this.#registry.catalog.updateTopic(row);
      state.update(row);
      this.#endWhereNotAllowed(state);
      return shownTopic(this.#registry, row);
    });
  }

  #merged(before: TopicRow, change: Change<Topic>, fields: ReadonlySet<string>): TopicRow {
    const row = mergeTopic(before, change(shownTopic(this.#registry, before)), fields);
    if (!fields.has('schema_settings')) return row;
    const binding = schemaBinding(this.#registry.schemas, row.schemaSettings, before);
    return { ...withoutBinding(row), ...binding };
  }

  /** Who takes messages goes, if these may not be taken here any more. */
  #endWhereNotAllowed({ row, subscriptions }: TopicState): void {
    try {
      checkTransitRegion(row, this.#registry.ports.region);
    } catch (error) {
      for (const subscription of subscriptions) subscription.failAll(error);
    }
  }

  /** Its subscriptions and snapshots stay, with what they retain; ephemeral ones end. */
  async delete(name: string): Promise<void> {
    await this.#registry.changes.run(() => this.#delete(name));
  }

  async #delete(name: string): Promise<void> {
    const state = this.#registry.topic(name);
    const isRead = state.readerCount > 0;
    await this.#registry.catalog.deleteTopic(state.row, isRead);
    const { ephemerals, deletedTopics, topics } = this.#registry;
    topics.delete(name);
    // At once, for the key may be taken away while the rest is waited for.
    if (isRead) deletedTopics.set(state.row.uid, state);
    for (const subscription of state.subscriptions) {
      if (ephemerals.has(subscription.row.name)) await this.#registry.removeEphemeral(subscription);
    }
    await state.lane.close(notFound(name));
    state.transforms.close(notFound(name));
    this.#registry.ports.observer.topicDeleted(name);
    if (!isRead) await this.#registry.dropLogs([doomedLane(state.row)], state);
  }

  list(project: string, page: PageRequest): Page<Topic> {
    const prefix = `${project}/topics/`;
    const namesAfter = (after: string, limit: number): string[] =>
      this.#registry.topics.namesAfter(prefix, after, limit);
    const { items, nextPageToken } = this.#pager.page(`topics of ${project}`, namesAfter, page);
    return { items: items.map((name) => this.get(name)), nextPageToken };
  }

  /** Attached subscriptions only (pubsub.v1 ListTopicSubscriptionsResponse). */
  listSubscriptions(name: string, page: PageRequest): Page<string> {
    const { stored } = this.#registry.topic(name);
    const namesAfter = (after: string, limit: number): string[] =>
      stored.namesAfter('', after, limit);
    return this.#pager.page(`subscriptions of ${name}`, namesAfter, page);
  }

  listSnapshots(name: string, page: PageRequest): Page<string> {
    const { snapshots } = this.#registry.topic(name);
    const namesAfter = (after: string, limit: number): string[] =>
      snapshots.namesAfter('', after, limit);
    return this.#pager.page(`snapshots of ${name}`, namesAfter, page);
  }

  get #keyPolicy(): KeyPolicy {
    return this.#registry.ports.keyPolicy ?? noKeyPolicy;
  }

  async #probe(topic: Topic): Promise<void> {
    if (topic.kmsKeyName === undefined) return;
    await this.#keyPolicy.prepare(topic);
    const uid = new Uint8Array(16);
    await this.#registry.ports.deks.probe({ name: topic.name, uid, kmsKeyName: topic.kmsKeyName });
  }
}
