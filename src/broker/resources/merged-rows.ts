import type { SubscriptionRow, TopicRow } from '../catalog/catalog-rows.ts';
import type { Subscription, Topic } from '../service.ts';

/** Where each field that may change is kept; what a row lacks has its default. */
const topicProperties: Readonly<Record<string, keyof Topic>> = {
  labels: 'labels',
  kms_key_name: 'kmsKeyName',
  message_retention_duration: 'messageRetentionMs',
  message_storage_policy: 'messageStoragePolicy',
  message_transforms: 'messageTransforms',
  schema_settings: 'schemaSettings',
};

const subscriptionProperties: Readonly<Record<string, keyof Subscription>> = {
  labels: 'labels',
  push_config: 'pushConfig',
  ack_deadline_seconds: 'ackDeadlineSeconds',
  retain_acked_messages: 'retainAckedMessages',
  message_retention_duration: 'messageRetentionMs',
  expiration_policy: 'expirationTtlMs',
  dead_letter_policy: 'deadLetterPolicy',
  retry_policy: 'retryPolicy',
  enable_exactly_once_delivery: 'enableExactlyOnceDelivery',
  message_transforms: 'messageTransforms',
};

/** `row` with the named fields as `changed` has them: the snake_case names of pubsub.v1. */
export function mergeTopic(row: TopicRow, changed: Topic, fields: ReadonlySet<string>): TopicRow {
  return merge(row, changed, chosen(topicProperties, fields));
}

/** The same for a subscription. */
export function mergeSubscription(
  row: SubscriptionRow,
  changed: Subscription,
  fields: ReadonlySet<string>,
): SubscriptionRow {
  return merge(row, changed, chosen(subscriptionProperties, fields));
}

function chosen<Property>(
  properties: Readonly<Record<string, Property>>,
  fields: ReadonlySet<string>,
): Set<Property> {
  return new Set([...fields].flatMap((field) => properties[field] ?? []));
}

function merge<Row extends object>(row: Row, changed: object, taken: ReadonlySet<string>): Row {
  const isTaken = ([property]: [string, unknown]): boolean => taken.has(property);
  const kept = Object.entries(row).filter((entry) => !isTaken(entry));
  const given = Object.entries(changed).filter(isTaken);
  return Object.fromEntries([...kept, ...given]) as Row;
}
