import type { StoredDek } from '../../envelope/index.ts';
import type { Registry } from '../registry.ts';
import type { TopicState } from '../topic-state.ts';
import type { DekUse } from './lane-use.ts';

/** What is stored of one topic under one CryptoKeyVersion. */
export interface TopicUse {
  /** Full name; of a deleted topic that is still read, the one that it had. */
  readonly topic: string;
  /** DEKs that seal something that is stored. */
  readonly dekCount: number;
  /** DEKs that seal nothing that is stored: made ahead, or kept as the topic's newest. */
  readonly spareDekCount: number;
  /** Messages that are still stored, acknowledged ones included. */
  readonly messageCount: number;
  /** As they are stored: sealed. */
  readonly byteCount: number;
  /** When the last of them will have expired; null without messages. */
  readonly latestExpiryMs: number | null;
}

/** What depends on one CryptoKeyVersion. */
export interface VersionUse extends Omit<TopicUse, 'topic'> {
  /** Of the CryptoKeyVersion. */
  readonly name: string;
  /** By name. */
  readonly topics: readonly TopicUse[];
}

/**
 * What depends on a key: from its versions to the DEKs that they wrap, to the messages that those
 * seal. Exact; looks at every DEK row, and at what `LaneUse` says it reads.
 */
export class KeyUse {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /**
   * Of a CryptoKey: every version of it that something depends on, in order of their numbers. Of a
   * CryptoKeyVersion: that one, whether or not anything depends on it. Null: of every key. Throws
   * RpcError as `storageRefusal` has it.
   */
  async of(name: string | null): Promise<VersionUse[]> {
    const deks = await this.#registry.ports.deks.wrappedBy(name);
    const byVersion = Map.groupBy(deks, ({ kekVersionName }) => kekVersionName);
    if (name !== null && isVersion(name) && !byVersion.has(name)) byVersion.set(name, []);
    const topics = this.#topicsByUid();
    const uses: VersionUse[] = [];
    for (const [version, wrapped] of byVersion) {
      uses.push(await this.#versionUse(version, wrapped, topics));
    }
    return uses.toSorted((a, b) => numberOf(a.name) - numberOf(b.name));
  }

  #topicsByUid(): Map<string, TopicState> {
    const { topics, deletedTopics } = this.#registry;
    const all = [...topics.values(), ...deletedTopics.values()];
    return new Map(all.map((topic) => [topic.row.uid, topic]));
  }

  async #versionUse(
    name: string,
    deks: readonly StoredDek[],
    topics: ReadonlyMap<string, TopicState>,
  ): Promise<VersionUse> {
    const uses: TopicUse[] = [];
    const byTopic = Map.groupBy(deks, ({ topicUid }) => Buffer.from(topicUid).toString('hex'));
    for (const [uid, ofTopic] of byTopic) {
      const topic = topics.get(uid);
      // Else it was deleted: its rows are about to go, and nothing can be read of it.
      if (topic !== undefined) uses.push(await this.#topicUse(topic, ofTopic));
    }
    return {
      name,
      dekCount: sumOf(uses, (use) => use.dekCount),
      spareDekCount: deks.length - sumOf(uses, (use) => use.dekCount),
      messageCount: sumOf(uses, (use) => use.messageCount),
      byteCount: sumOf(uses, (use) => use.byteCount),
      latestExpiryMs: latestOf(uses.map((use) => use.latestExpiryMs)),
      topics: uses.toSorted((a, b) => (a.topic < b.topic ? -1 : 1)),
    };
  }

  async #topicUse(topic: TopicState, deks: readonly StoredDek[]): Promise<TopicUse> {
    const all = await topic.use.uses();
    const uses = deks.flatMap(({ version }) => all.get(version) ?? []);
    return {
      topic: topic.row.name,
      dekCount: uses.length,
      spareDekCount: deks.length - uses.length,
      messageCount: sumOf(uses, (use) => use.messageCount),
      byteCount: sumOf(uses, (use) => use.byteCount),
      latestExpiryMs: latestOf(uses.map((use) => this.#expiryMs(topic, use))),
    };
  }

  /** When nothing that is configured now will keep the last of these messages any more. */
  #expiryMs(topic: TopicState, { lastTimeMs, lastSequence }: DekUse): number {
    const retentions = [...topic.subscriptions].map(({ row }) => row.messageRetentionMs);
    retentions.push(this.#registry.retentionMs(topic) ?? 0);
    const times = [lastTimeMs + Math.max(...retentions)];
    for (const { row } of topic.snapshots.values()) {
      if (row.floor <= lastSequence) times.push(row.expireTimeMs);
    }
    return Math.max(...times);
  }
}

const isVersion = (name: string): boolean => name.includes('/cryptoKeyVersions/');

const numberOf = (version: string): number => Number(version.slice(version.lastIndexOf('/') + 1));

function sumOf<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

function latestOf(times: readonly (number | null)[]): number | null {
  return times.reduce(
    (latest, time) => (time === null ? latest : Math.max(latest ?? 0, time)),
    null,
  );
}
