import type { SnapshotRow, SubscriptionRow, TopicRow } from '../catalog/catalog-rows.ts';
import type { Registry } from '../registry.ts';
import { boundSchema, deletedSchema, withoutBinding } from '../schemas/topic-binding.ts';
import type { Snapshot, Subscription, Topic } from '../service.ts';
import type { SnapshotState } from '../snapshots/snapshot-state.ts';
import type { SubscriptionState } from '../subscription-state.ts';

/** Shown in place of a deleted topic's name (pubsub.v1 Subscription.topic). */
export const deletedTopic: string = '_deleted-topic_';

/** What a topic's row shows to the API. */
export function shownTopic(registry: Registry, row: TopicRow): Topic {
  const { uid: _uid, log: _log, filterSlots: _filterSlots, ...topic } = withoutBinding(row);
  const { schemaSettings } = topic;
  if (schemaSettings === undefined || boundSchema(registry.schemas, row) !== undefined)
    return topic;
  return { ...topic, schemaSettings: { ...schemaSettings, schema: deletedSchema } };
}

export function shownSubscription(registry: Registry, state: SubscriptionState): Subscription {
  const topic = state.topic.row;
  const isDeleted = registry.deletedTopics.has(topic.uid);
  const { messageRetentionMs } = topic;
  return {
    ...withoutOwn(state.row),
    topic: isDeleted ? deletedTopic : topic.name,
    state: (state.pushStatus?.stalledBy ?? null) === null ? 'ACTIVE' : 'RESOURCE_ERROR',
    ...(messageRetentionMs === undefined || isDeleted
      ? {}
      : { topicMessageRetentionMs: messageRetentionMs }),
  };
}

/** A detached one goes on naming the topic that it was attached to, until that is deleted. */
export function shownDetached(registry: Registry, row: SubscriptionRow): Subscription {
  const { detachedFrom, topicUid } = row;
  const topic = registry.topics.get(detachedFrom ?? '');
  const isThere = topic?.row.uid === topicUid;
  return { ...withoutOwn(row), topic: isThere ? topic.row.name : deletedTopic, state: 'ACTIVE' };
}

export function shownSnapshot(registry: Registry, { row, topic }: SnapshotState): Snapshot {
  const { name, labels, expireTimeMs, topicUid }: SnapshotRow = row;
  const isDeleted = registry.deletedTopics.has(topicUid);
  return { name, topic: isDeleted ? deletedTopic : topic.row.name, labels, expireTimeMs };
}

function withoutOwn(row: SubscriptionRow): Omit<Subscription, 'topic'> {
  const {
    id: _id,
    log: _log,
    start: _start,
    topicUid: _topicUid,
    lastActiveMs: _lastActiveMs,
    filterSlot: _filterSlot,
    detachedFrom: _detachedFrom,
    ...shown
  } = row;
  return shown;
}
