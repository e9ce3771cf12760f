import { create } from '@bufbuild/protobuf';

import type { Subscription } from '../../broker/index.ts';
import { durationToMs, msToDuration } from '../../rpc/index.ts';
import {
  Subscription_State,
  SubscriptionSchema,
  type Subscription as SubscriptionMessage,
} from '../proto/google/pubsub/v1/pubsub_pb.ts';
import { pushConfigFromMessage, pushConfigToMessage } from './push-config-message.ts';
import { unsupportedField, type MaskRules } from './unsupported.ts';
import {
  ackDeadlineOf,
  checkExpiration,
  checkLabels,
  checkRetention,
  checkSubscriptionName,
  durations,
} from './validation.ts';

export const subscriptionMask: MaskRules = {
  request: 'UpdateSubscriptionRequest',
  resource: SubscriptionSchema,
  mutable: new Set([
    'push_config',
    'bigquery_config',
    'cloud_storage_config',
    'bigtable_config',
    'ack_deadline_seconds',
    'retain_acked_messages',
    'message_retention_duration',
    'labels',
    'expiration_policy',
    'dead_letter_policy',
    'retry_policy',
    'enable_exactly_once_delivery',
    'message_transforms',
  ]),
};

/** Fields that are refused when they are set. */
const isSet: Readonly<Record<string, (subscription: SubscriptionMessage) => boolean>> = {
  bigquery_config: (subscription) => subscription.bigqueryConfig !== undefined,
  cloud_storage_config: (subscription) => subscription.cloudStorageConfig !== undefined,
  bigtable_config: (subscription) => subscription.bigtableConfig !== undefined,
  filter: (subscription) => subscription.filter !== '',
  dead_letter_policy: (subscription) => subscription.deadLetterPolicy !== undefined,
  retry_policy: (subscription) => subscription.retryPolicy !== undefined,
  enable_message_ordering: (subscription) => subscription.enableMessageOrdering,
  enable_exactly_once_delivery: (subscription) => subscription.enableExactlyOnceDelivery,
  message_transforms: (subscription) => subscription.messageTransforms.length > 0,
};

/**
 * The broker's form of a subscription. Only fields that `wants` admits are read and checked, the
 * others get their defaults; tags and outputs are ignored. Throws as CreateSubscription does.
 */
export function subscriptionFromMessage(
  message: SubscriptionMessage,
  wants: (field: string) => boolean,
): Subscription {
  checkSubscriptionName(message.name);
  for (const [field, isFieldSet] of Object.entries(isSet)) {
    if (!wants(field) || !isFieldSet(message)) continue;
    throw unsupportedField('google.pubsub.v1.Subscription', field);
  }
  const labels = wants('labels') ? message.labels : {};
  checkLabels(labels);
  const expirationTtlMs = wants('expiration_policy')
    ? expirationOf(message)
    : durations.expirationDefault;
  const pushConfig = wants('push_config') ? pushConfigFromMessage(message.pushConfig) : undefined;
  return {
    name: message.name,
    topic: message.topic,
    labels,
    ackDeadlineSeconds: ackDeadlineOf(
      wants('ack_deadline_seconds') ? message.ackDeadlineSeconds : 0,
    ),
    retainAckedMessages: message.retainAckedMessages,
    messageRetentionMs: wants('message_retention_duration')
      ? retentionOf(message)
      : durations.retentionDefault,
    ...(expirationTtlMs === undefined ? {} : { expirationTtlMs }),
    ...(pushConfig === undefined ? {} : { pushConfig }),
  };
}

function retentionOf(message: SubscriptionMessage): number {
  if (message.messageRetentionDuration === undefined) return durations.retentionDefault;
  const ms = durationToMs(message.messageRetentionDuration);
  checkRetention(ms);
  return ms;
}

/** No policy: 31 days; a policy without ttl: never, which is undefined. */
function expirationOf(message: SubscriptionMessage): number | undefined {
  const policy = message.expirationPolicy;
  if (policy === undefined) return durations.expirationDefault;
  if (policy.ttl === undefined) return undefined;
  const ms = durationToMs(policy.ttl);
  checkExpiration(ms);
  if (ms === durations.expirationDefault) return ms;
  throw unsupportedField('google.pubsub.v1.Subscription', 'expiration_policy.ttl');
}

/** The fields of a mask that the broker keeps; what it does not was found to be unset. */
export function keptSubscriptionFields(fields: ReadonlySet<string>): string[] {
  return [...fields].filter((field) => !(field in isSet));
}

/** With the defaults filled in, as production answers. */
export function subscriptionToMessage(subscription: Subscription): SubscriptionMessage {
  const { expirationTtlMs, topicMessageRetentionMs } = subscription;
  return create(SubscriptionSchema, {
    name: subscription.name,
    topic: subscription.topic,
    labels: { ...subscription.labels },
    pushConfig: pushConfigToMessage(subscription.pushConfig),
    ackDeadlineSeconds: subscription.ackDeadlineSeconds,
    retainAckedMessages: subscription.retainAckedMessages,
    messageRetentionDuration: msToDuration(subscription.messageRetentionMs),
    expirationPolicy: expirationTtlMs === undefined ? {} : { ttl: msToDuration(expirationTtlMs) },
    state: Subscription_State[subscription.state ?? 'ACTIVE'],
    ...(topicMessageRetentionMs === undefined
      ? {}
      : { topicMessageRetentionDuration: msToDuration(topicMessageRetentionMs) }),
  });
}
