import { create } from '@bufbuild/protobuf';

import type { Topic } from '../../broker/index.ts';
import { msToDuration } from '../../rpc/index.ts';
import {
  Topic_State,
  TopicSchema,
  type Topic as TopicMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { storagePolicyFromMessage, storagePolicyToMessage } from './policy-messages.ts';
import { settingsFromMessage, settingsToMessage } from './schema-settings-message.ts';
import { durationOf } from './time-fields.ts';
import { transformsOf, transformToMessage } from './transform-message.ts';
import { unsupportedField } from '../unsupported.ts';
import type { MaskRules } from './update-mask.ts';
import {
  checkCryptoKeyName,
  checkLabels,
  checkRetention,
  checkTags,
  checkTopicName,
} from './validation.ts';

export const topicMask: MaskRules<typeof TopicSchema> = {
  request: 'UpdateTopicRequest',
  resource: TopicSchema,
  mutable: new Set([
    'labels',
    'message_storage_policy',
    'kms_key_name',
    'schema_settings',
    'message_retention_duration',
    'ingestion_data_source_settings',
    'message_transforms',
  ]),
};

/** Fields that are refused when they are set. */
const isSet: Readonly<Record<string, (topic: TopicMessage) => boolean>> = {
  ingestion_data_source_settings: (topic) => topic.ingestionDataSourceSettings !== undefined,
};

/** The fields of a mask that the broker keeps; what it does not was found to be unset. */
export function keptTopicFields(fields: ReadonlySet<string>): string[] {
  return [...fields].filter((field) => !(field in isSet));
}

/**
 * The broker's form of a topic; outputs are ignored, tags are checked and forgotten. Throws as
 * CreateTopic does.
 */
export function topicFromMessage(message: TopicMessage): Topic {
  checkTopicName(message.name);
  for (const [field, isFieldSet] of Object.entries(isSet)) {
    if (isFieldSet(message)) throw unsupportedField('google.pubsub.v1.Topic', field);
  }
  const { kmsKeyName, labels, messageStoragePolicy: policy, schemaSettings } = message;
  checkLabels(labels);
  checkTags(message.tags);
  if (kmsKeyName !== '') checkCryptoKeyName(kmsKeyName);
  const retentionMs = retentionOf(message);
  return {
    name: message.name,
    labels: { ...labels },
    ...(kmsKeyName !== '' && { kmsKeyName }),
    ...(retentionMs !== undefined && { messageRetentionMs: retentionMs }),
    ...(policy && { messageStoragePolicy: storagePolicyFromMessage(policy) }),
    ...(schemaSettings && { schemaSettings: settingsFromMessage(schemaSettings) }),
    ...transformsOf(message),
  };
}

function retentionOf({ messageRetentionDuration: retention }: TopicMessage): number | undefined {
  if (retention === undefined) return undefined;
  const ms = durationOf('message_retention_duration', retention);
  checkRetention(ms);
  return ms;
}

export function topicToMessage(topic: Topic): TopicMessage {
  const { messageRetentionMs, messageStoragePolicy: policy, schemaSettings } = topic;
  return create(TopicSchema, {
    name: topic.name,
    labels: { ...topic.labels },
    kmsKeyName: topic.kmsKeyName ?? '',
    state: Topic_State.ACTIVE,
    ...(messageRetentionMs !== undefined && {
      messageRetentionDuration: msToDuration(messageRetentionMs),
    }),
    ...(policy && { messageStoragePolicy: storagePolicyToMessage(policy) }),
    ...(schemaSettings && { schemaSettings: settingsToMessage(schemaSettings) }),
    messageTransforms: (topic.messageTransforms ?? []).map(transformToMessage),
  });
}
