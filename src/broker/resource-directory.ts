import { parsePubsubName } from '../rpc/index.ts';
import type { Registry } from './registry.ts';

/** What there is, for whoever decides who may use it. Synchronous: all of it is in memory. */
export class BrokerDirectory {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Which creation of a topic, subscription, snapshot or schema has that name; undefined: none. */
  uidOf(resource: string): string | undefined {
    const { topics, subscriptions, detached, snapshots, schemas } = this.#registry;
    if (parsePubsubName(resource, 'topics')) return topics.get(resource)?.row.uid;
    if (parsePubsubName(resource, 'schemas')) return schemas.schemas.get(resource)?.uid;
    if (parsePubsubName(resource, 'subscriptions')) {
      const row = subscriptions.get(resource)?.row ?? detached.get(resource);
      return row && String(row.id);
    }
    if (!parsePubsubName(resource, 'snapshots')) return undefined;
    const row = snapshots.get(resource)?.row;
    return row && `${row.createTimeMs}/${row.log}`;
  }

  /** The topic that a subscription is or was attached to; undefined if either is gone. */
  topicOf(subscription: string): string | undefined {
    const { topics, subscriptions, detached } = this.#registry;
    const state = subscriptions.get(subscription);
    const uid = state?.topic.row.uid ?? detached.get(subscription)?.topicUid;
    const name = state?.topic.row.name ?? detached.get(subscription)?.detachedFrom;
    if (name === undefined || topics.get(name)?.row.uid !== uid) return undefined;
    return name;
  }
}
