import { create } from '@bufbuild/protobuf';

import { checkFilter, type Subscription } from '../../broker/index.ts';
import { msToDuration } from '../../rpc/index.ts';
import {
  Subscription_State,
  SubscriptionSchema,
  type Subscription as SubscriptionMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import {
  deadLetterPolicyFromMessage,
  deadLetterPolicyToMessage,
  expirationFromMessage,
  expirationToMessage,
  retryPolicyFromMessage,
  retryPolicyToMessage,
} from './policy-messages.ts';
import { pushConfigFromMessage, pushConfigToMessage } from './push-config-message.ts';
import { durationOf } from './time-fields.ts';
import { transformsOf, transformToMessage } from './transform-message.ts';
import { unsupportedField } from '../unsupported.ts';
import type { MaskRules } from './update-mask.ts';
import {
  ackDeadlineOf,
  checkLabels,
  checkRetention,
  checkSubscriptionName,
  checkTags,
  durations,
} from './validation.ts';

export const subscriptionMask: MaskRules<typeof SubscriptionSchema> = {
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
  analytics_hub_subscription_info: (subscription) =>
    subscription.analyticsHubSubscriptionInfo !== undefined,
};

/** The fields of a mask that the broker keeps; what it does not was found to be unset. */
export function keptSubscriptionFields(fields: ReadonlySet<string>): string[] {
  return [...fields].filter((field) => !(field in isSet));
}

/**
 * The broker's form of a subscription, defaults filled in; outputs are ignored, tags are checked
 * and forgotten. Throws as CreateSubscription does.
 */
export function subscriptionFromMessage(message: SubscriptionMessage): Subscription {
  checkSubscriptionName(message.name);
  refuseUnsupported(message);
  checkLabels(message.labels);
  checkTags(message.tags);
  const isExactlyOnce = message.enableExactlyOnceDelivery;
  return {
    name: message.name,
    topic: message.topic,
    labels: { ...message.labels },
    ackDeadlineSeconds: ackDeadlineOf(message.ackDeadlineSeconds, isExactlyOnce),
    retainAckedMessages: message.retainAckedMessages,
    messageRetentionMs: retentionOf(message),
    ...(isExactlyOnce && { enableExactlyOnceDelivery: true }),
    ...(message.enableMessageOrdering && { enableMessageOrdering: true }),
    ...filterOf(message),
    ...policiesOf(message),
    ...transformsOf(message),
  };
}

function refuseUnsupported(message: SubscriptionMessage): void {
  for (const [field, isFieldSet] of Object.entries(isSet)) {
    if (isFieldSet(message)) throw unsupportedField('google.pubsub.v1.Subscription', field);
  }
}

function retentionOf({ messageRetentionDuration: retention }: SubscriptionMessage): number {
  if (retention === undefined) return durations.retentionDefault;
  const ms = durationOf('message_retention_duration', retention);
  checkRetention(ms);
  return ms;
}

function filterOf({ filter }: SubscriptionMessage): Pick<Subscription, 'filter'> {
  if (filter === '') return {};
  checkFilter(filter);
  return { filter };
}

function policiesOf(message: SubscriptionMessage): Partial<Subscription> {
  const expirationTtlMs = expirationFromMessage(message.expirationPolicy);
  const pushConfig = pushConfigFromMessage(message.pushConfig);
  const { deadLetterPolicy, retryPolicy } = message;
  return {
    ...(expirationTtlMs !== undefined && { expirationTtlMs }),
    ...(pushConfig && { pushConfig }),
    ...(deadLetterPolicy && { deadLetterPolicy: deadLetterPolicyFromMessage(deadLetterPolicy) }),
    ...(retryPolicy && { retryPolicy: retryPolicyFromMessage(retryPolicy) }),
  };
}

/** With the defaults filled in, as production answers. */
export function subscriptionToMessage(subscription: Subscription): SubscriptionMessage {
  const { deadLetterPolicy, retryPolicy, topicMessageRetentionMs } = subscription;
  return create(SubscriptionSchema, {
    name: subscription.name,
    topic: subscription.topic,
    labels: { ...subscription.labels },
    pushConfig: pushConfigToMessage(subscription.pushConfig),
    ackDeadlineSeconds: subscription.ackDeadlineSeconds,
    retainAckedMessages: subscription.retainAckedMessages,
    messageRetentionDuration: msToDuration(subscription.messageRetentionMs),
    expirationPolicy: expirationToMessage(subscription.expirationTtlMs),
    filter: subscription.filter ?? '',
    enableMessageOrdering: subscription.enableMessageOrdering ?? false,
    enableExactlyOnceDelivery: subscription.enableExactlyOnceDelivery ?? false,
    detached: subscription.detached ?? false,
    state: Subscription_State[subscription.state ?? 'ACTIVE'],
    ...(deadLetterPolicy && { deadLetterPolicy: deadLetterPolicyToMessage(deadLetterPolicy) }),
    ...(retryPolicy && { retryPolicy: retryPolicyToMessage(retryPolicy) }),
    messageTransforms: (subscription.messageTransforms ?? []).map(transformToMessage),
    ...(topicMessageRetentionMs !== undefined && {
      topicMessageRetentionDuration: msToDuration(topicMessageRetentionMs),
    }),
  });
}
