import { draw, type Entropy } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import {
  doomedLane,
  rowKeys,
  type Counters,
  type DoomedLog,
  type SnapshotRow,
  type SubscriptionRow,
  type TopicRow,
} from './catalog-rows.ts';
import { alreadyExists } from '../errors.ts';
import { RowStore, type RowChange } from './row-store.ts';
import type { SchemaBinding } from '../schemas/topic-binding.ts';
import type { Subscription, Topic } from '../service.ts';

/** Everything that is stored of topics and what belongs to them. */
export interface Catalogued {
  readonly topics: TopicRow[];
  readonly deletedTopics: TopicRow[];
  readonly subscriptions: SubscriptionRow[];
  readonly snapshots: SnapshotRow[];
  readonly doomedLogs: DoomedLog[];
}

/**
 * Topics, subscriptions and snapshots as rows. Changes are made one after the other, each durable
 * before it is answered.
 */
export class Catalog {
  readonly #rows: RowStore;
  readonly #entropy: Entropy;
  #counters: Counters = { log: 0, subscription: 0 };

  constructor(meta: MetaStore, entropy: Entropy) {
    this.#entropy = entropy;
    this.#rows = new RowStore(meta, (key, row) => {
      if (key === rowKeys.counters) this.#counters = row as Counters;
    });
  }

  /** Reads everything there is. */
  async load(): Promise<Catalogued> {
    const counters = await this.#rows.get(rowKeys.counters);
    if (counters !== null) this.#counters = counters as Counters;
    return {
      doomedLogs: (await this.#rows.all(rowKeys.doomedLogs)) as DoomedLog[],
      topics: (await this.#rows.all(rowKeys.topics)) as TopicRow[],
      deletedTopics: (await this.#rows.all(rowKeys.deletedTopics)) as TopicRow[],
      subscriptions: (await this.#rows.all(rowKeys.subscriptions)) as SubscriptionRow[],
      snapshots: (await this.#rows.all(rowKeys.snapshots)) as SnapshotRow[],
    };
  }

  /** `binding`: to the schema of its settings. */
  async createTopic(topic: Topic, binding: SchemaBinding = {}): Promise<TopicRow> {
    return await this.#rows.change(async () => {
      const key = rowKeys.topics + topic.name;
      if (this.#rows.has(key)) throw alreadyExists(topic.name);
      const counters = { ...this.#counters, log: this.#counters.log + 1 };
      const row: TopicRow = {
        ...topic,
        ...binding,
        uid: Buffer.from(draw(this.#entropy, 16)).toString('hex'),
        log: counters.log,
      };
      await this.#rows.write(topic.name, [
        [key, row],
        [rowKeys.counters, counters],
      ]);
      this.#counters = counters;
      return row;
    });
  }

  /** `topicRow`: of its topic, changed with it. */
  async createSubscription(
    subscription: Subscription,
    of: Pick<SubscriptionRow, 'topicUid' | 'start' | 'lastActiveMs' | 'filterSlot'>,
    topicRow: TopicRow | null = null,
  ): Promise<SubscriptionRow> {
    return await this.#rows.change(async () => {
      const key = rowKeys.subscriptions + subscription.name;
      if (this.#rows.has(key)) throw alreadyExists(subscription.name);
      const { log, subscription: id } = this.#counters;
      const counters = { log: log + 1, subscription: id + 1 };
      const { topic: _topic, topicMessageRetentionMs: _retention, ...stored } = subscription;
      const row: SubscriptionRow = {
        ...stored,
        ...of,
        id: counters.subscription,
        log: counters.log,
      };
      await this.#rows.write(subscription.name, [
        [key, row],
        [rowKeys.counters, counters],
        ...(topicRow === null ? [] : [[rowKeys.topics + topicRow.name, topicRow] as const]),
      ]);
      this.#counters = counters;
      return row;
    });
  }

  /** The topic of that name as it is stored, whether or not anybody opened it. */
  async storedTopic(name: string): Promise<TopicRow | null> {
    return (await this.#rows.stored(rowKeys.topics + name)) as TopicRow | null;
  }

  async storedSubscription(name: string): Promise<SubscriptionRow | null> {
    return (await this.#rows.stored(rowKeys.subscriptions + name)) as SubscriptionRow | null;
  }

  async updateTopic(row: TopicRow): Promise<void> {
    await this.#rows.change(() => this.#rows.write(row.name, [[rowKeys.topics + row.name, row]]));
  }

  async updateSubscription(row: SubscriptionRow): Promise<void> {
    await this.#rows.change(() =>
      this.#rows.write(row.name, [[rowKeys.subscriptions + row.name, row]]),
    );
  }

  /** `isRead`: some subscription still reads its log, which stays until the last is gone. */
  async deleteTopic(row: TopicRow, isRead: boolean): Promise<void> {
    const rest: RowChange = isRead
      ? [rowKeys.deletedTopics + row.uid, row]
      : [rowKeys.doomedLogs + row.log, doomedLane(row)];
    await this.#rows.change(() =>
      this.#rows.write(row.name, [[rowKeys.topics + row.name, null], rest]),
    );
  }

  /** `lastOf`: a deleted topic that nobody reads any more once this subscription is gone. */
  async deleteSubscription(row: SubscriptionRow, lastOf: TopicRow | null): Promise<void> {
    await this.#end(rowKeys.subscriptions, row, null, lastOf);
  }

  /** Its log goes; the subscription stays, as `detached` has it. `lastOf` as above. */
  async detachSubscription(
    row: SubscriptionRow,
    detached: SubscriptionRow,
    lastOf: TopicRow | null,
  ): Promise<void> {
    await this.#end(rowKeys.subscriptions, row, detached, lastOf);
  }

  /** A log for a new snapshot: until the snapshot is stored, a start removes it again. */
  async reserveLog(name: string): Promise<number> {
    return await this.#rows.change(async () => {
      const counters = { ...this.#counters, log: this.#counters.log + 1 };
      await this.#rows.write(name, [
        [rowKeys.doomedLogs + counters.log, { log: counters.log }],
        [rowKeys.counters, counters],
      ]);
      this.#counters = counters;
      return counters.log;
    });
  }

  /** From now on the snapshot is there, with its log. */
  async createSnapshot(row: SnapshotRow): Promise<void> {
    await this.#rows.change(async () => {
      const key = rowKeys.snapshots + row.name;
      if (this.#rows.has(key)) throw alreadyExists(row.name);
      await this.#rows.write(row.name, [
        [key, row],
        [rowKeys.doomedLogs + row.log, null],
      ]);
    });
  }

  /** What is stored under that name, whether or not this broker knows of it. */
  async lookUpSnapshot(name: string): Promise<SnapshotRow | null> {
    return (await this.#rows.lookUp(rowKeys.snapshots + name)) as SnapshotRow | null;
  }

  async storedSnapshot(name: string): Promise<SnapshotRow | null> {
    return (await this.#rows.stored(rowKeys.snapshots + name)) as SnapshotRow | null;
  }

  async updateSnapshot(row: SnapshotRow): Promise<void> {
    await this.#rows.change(() =>
      this.#rows.write(row.name, [[rowKeys.snapshots + row.name, row]]),
    );
  }

  async deleteSnapshot(row: SnapshotRow, lastOf: TopicRow | null): Promise<void> {
    await this.#end(rowKeys.snapshots, row, null, lastOf);
  }

  async #end(
    keys: string,
    row: SubscriptionRow | SnapshotRow,
    left: object | null,
    lastOf: TopicRow | null,
  ): Promise<void> {
    const changes: RowChange[] = [[keys + row.name, left]];
    // A detached subscription has no log any more.
    if (row.log !== 0) changes.push([rowKeys.doomedLogs + row.log, { log: row.log }]);
    if (lastOf !== null) {
      changes.push([rowKeys.deletedTopics + lastOf.uid, null]);
      changes.push([rowKeys.doomedLogs + lastOf.log, doomedLane(lastOf)]);
    }
    await this.#rows.change(() => this.#rows.write(row.name, changes));
  }

  /** They are removed, and so are their DEKs: forget that they had to be. */
  async logsDropped(logs: readonly DoomedLog[]): Promise<void> {
    const changes = logs.map(({ log }): RowChange => [rowKeys.doomedLogs + log, null]);
    await this.#rows.change(() => this.#rows.write('logs', changes));
  }
}
