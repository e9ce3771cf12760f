import { storageRefusal } from '../../envelope/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import type { MetaCheck, MetaPut, MetaRow, MetaStore } from '../../storage/index.ts';
import {
  decodeRow,
  doomedLane,
  encodeRow,
  rowKeys,
  type Counters,
  type DoomedLog,
  type SubscriptionRow,
  type TopicRow,
} from './catalog-rows.ts';
import { alreadyExists, concurrentChange } from '../errors.ts';
import { Serial } from '../serial.ts';
import type { Subscription, Topic } from '../service.ts';

const listLimit = 1_000;

/**
 * Topics and subscriptions as rows. Changes are made one after the other, each durable before it
 * is answered; every row is written under the version that was last seen of it.
 */
export class Catalog {
  readonly #meta: MetaStore;
  readonly #entropy: Entropy;
  readonly #versions = new Map<string, number>();
  #counters: Counters = { log: 0, subscription: 0 };
  readonly #changes = new Serial();

  constructor(meta: MetaStore, entropy: Entropy) {
    this.#meta = meta;
    this.#entropy = entropy;
  }

  /** Reads everything there is. */
  async load(): Promise<{
    readonly topics: TopicRow[];
    readonly deletedTopics: TopicRow[];
    readonly subscriptions: SubscriptionRow[];
    readonly doomedLogs: DoomedLog[];
  }> {
    const counters = await this.#meta.get(rowKeys.counters);
    if (counters !== null) this.#counters = this.#row(counters) as Counters;
    const doomed = await this.#all(rowKeys.doomedLogs);
    return {
      topics: (await this.#all(rowKeys.topics)).map((row) => this.#row(row) as TopicRow),
      deletedTopics: (await this.#all(rowKeys.deletedTopics)).map(
        (row) => this.#row(row) as TopicRow,
      ),
      subscriptions: (await this.#all(rowKeys.subscriptions)).map(
        (row) => this.#row(row) as SubscriptionRow,
      ),
      doomedLogs: doomed.map((row) => this.#row(row) as DoomedLog),
    };
  }

  async createTopic(topic: Topic): Promise<TopicRow> {
    return await this.#changes.run(async () => {
      const key = rowKeys.topics + topic.name;
      if (this.#versions.has(key)) throw alreadyExists(topic.name);
      const counters = { ...this.#counters, log: this.#counters.log + 1 };
      const row: TopicRow = {
        ...topic,
        uid: Buffer.from(draw(this.#entropy, 16)).toString('hex'),
        log: counters.log,
      };
      await this.#write(topic.name, [
        [key, row],
        [rowKeys.counters, counters],
      ]);
      this.#counters = counters;
      return row;
    });
  }

  async createSubscription(
    subscription: Subscription,
    of: { readonly topicUid: string; readonly start: number },
  ): Promise<SubscriptionRow> {
    return await this.#changes.run(async () => {
      const key = rowKeys.subscriptions + subscription.name;
      if (this.#versions.has(key)) throw alreadyExists(subscription.name);
      const { log, subscription: id } = this.#counters;
      const counters = { log: log + 1, subscription: id + 1 };
      const { topic: _topic, topicMessageRetentionMs: _retention, ...stored } = subscription;
      const row: SubscriptionRow = {
        ...stored,
        ...of,
        id: counters.subscription,
        log: counters.log,
      };
      await this.#write(subscription.name, [
        [key, row],
        [rowKeys.counters, counters],
      ]);
      this.#counters = counters;
      return row;
    });
  }

  /** The topic of that name as it is stored, whether or not anybody opened it. */
  async storedTopic(name: string): Promise<TopicRow | null> {
    return (await this.#stored(rowKeys.topics + name)) as TopicRow | null;
  }

  async storedSubscription(name: string): Promise<SubscriptionRow | null> {
    return (await this.#stored(rowKeys.subscriptions + name)) as SubscriptionRow | null;
  }

  async updateTopic(row: TopicRow): Promise<void> {
    await this.#changes.run(() => this.#write(row.name, [[rowKeys.topics + row.name, row]]));
  }

  async updateSubscription(row: SubscriptionRow): Promise<void> {
    await this.#changes.run(() => this.#write(row.name, [[rowKeys.subscriptions + row.name, row]]));
  }

  /** `isRead`: some subscription still reads its log, which stays until the last is gone. */
  async deleteTopic(row: TopicRow, isRead: boolean): Promise<void> {
    const rest: [string, object] = isRead
      ? [rowKeys.deletedTopics + row.uid, row]
      : [rowKeys.doomedLogs + row.log, doomedLane(row)];
    await this.#changes.run(() => this.#write(row.name, [[rowKeys.topics + row.name, null], rest]));
  }

  /** `lastOf`: a deleted topic that nobody reads any more once this subscription is gone. */
  async deleteSubscription(row: SubscriptionRow, lastOf: TopicRow | null): Promise<void> {
    const changes: [string, object | null][] = [
      [rowKeys.subscriptions + row.name, null],
      [rowKeys.doomedLogs + row.log, { log: row.log }],
    ];
    if (lastOf !== null) {
      changes.push([rowKeys.deletedTopics + lastOf.uid, null]);
      changes.push([rowKeys.doomedLogs + lastOf.log, doomedLane(lastOf)]);
    }
    await this.#changes.run(() => this.#write(row.name, changes));
  }

  /** They are removed, and so are their DEKs: forget that they had to be. */
  async logsDropped(logs: readonly DoomedLog[]): Promise<void> {
    const changes = logs.map(({ log }): [string, null] => [rowKeys.doomedLogs + log, null]);
    await this.#changes.run(() => this.#write('logs', changes));
  }

  async #all(prefix: string): Promise<MetaRow[]> {
    const rows: MetaRow[] = [];
    for (;;) {
      const after = rows.at(-1)?.key;
      const page = await this.#meta.list(prefix, {
        limit: listLimit,
        ...(after === undefined ? {} : { after }),
      });
      rows.push(...page);
      if (page.length < listLimit) return rows;
    }
  }

  #row(row: MetaRow): unknown {
    this.#versions.set(row.key, row.version);
    return decodeRow(row.value);
  }

  async #stored(key: string): Promise<unknown> {
    if (!this.#versions.has(key)) return null;
    try {
      const row = await this.#meta.get(key);
      return row === null ? null : this.#row(row);
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  /**
   * After a write that the storage did not confirm: whether it is there all the same. The versions
   * tell, as this is the one writer; contents do not, for a write may change nothing.
   */
  async #stands(checks: readonly MetaCheck[], puts: readonly MetaPut[]): Promise<boolean> {
    try {
      const rows = await Promise.all(checks.map(async ({ key }) => await this.#meta.get(key)));
      return checks.every(({ version }, i) => {
        const stored = rows[i] ?? null;
        return puts[i]?.value === null ? stored === null : stored?.version === version + 1;
      });
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  /** After a conflict: what this writer knew is not what is stored. */
  async #readAgain(checks: readonly MetaCheck[]): Promise<void> {
    try {
      for (const { key } of checks) {
        const row = await this.#meta.get(key);
        if (row === null) this.#versions.delete(key);
        else if (key === rowKeys.counters) this.#counters = this.#row(row) as Counters;
        else this.#versions.set(key, row.version);
      }
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  async #write(
    name: string,
    changes: readonly (readonly [string, object | null])[],
  ): Promise<void> {
    const checks: MetaCheck[] = [];
    const puts: MetaPut[] = [];
    for (const [key, row] of changes) {
      checks.push({ key, version: this.#versions.get(key) ?? 0 });
      puts.push({ key, value: row === null ? null : encodeRow(row) });
    }
    let isDone: boolean;
    try {
      isDone = await this.#meta.txn(checks, puts);
    } catch (error) {
      isDone = await this.#stands(checks, puts);
      if (!isDone) throw storageRefusal(error);
    }
    if (!isDone) {
      await this.#readAgain(checks);
      throw concurrentChange(name);
    }
    for (const { key, version } of checks) this.#versions.set(key, version + 1);
    for (const { key, value } of puts) if (value === null) this.#versions.delete(key);
  }
}
