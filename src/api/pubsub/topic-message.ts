import { create } from '@bufbuild/protobuf';

import type { Topic } from '../../broker/index.ts';
import { durationToMs, msToDuration } from '../../rpc/index.ts';
import {
  Topic_State,
  TopicSchema,
  type Topic as TopicMessage,
} from '../proto/google/pubsub/v1/pubsub_pb.ts';
import { unsupportedField, type MaskRules } from './unsupported.ts';
import { checkCryptoKeyName, checkLabels, checkRetention, checkTopicName } from './validation.ts';

export const topicMask: MaskRules = {
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
  message_storage_policy: (topic) => topic.messageStoragePolicy !== undefined,
  schema_settings: (topic) => topic.schemaSettings !== undefined,
  ingestion_data_source_settings: (topic) => topic.ingestionDataSourceSettings !== undefined,
  message_transforms: (topic) => topic.messageTransforms.length > 0,
};

/**
 * The broker's form of a topic. Only fields that `wants` admits are read and checked, the others
 * get their defaults; tags and outputs are ignored. Throws as CreateTopic does.
 */
export function topicFromMessage(message: TopicMessage, wants: (field: string) => boolean): Topic {
  checkTopicName(message.name);
  for (const [field, isFieldSet] of Object.entries(isSet)) {
    if (wants(field) && isFieldSet(message))
      throw unsupportedField('google.pubsub.v1.Topic', field);
  }
  const labels = wants('labels') ? message.labels : {};
  checkLabels(labels);
  const kmsKeyName = wants('kms_key_name') ? message.kmsKeyName : '';
  if (kmsKeyName !== '') checkCryptoKeyName(kmsKeyName);
  const retention = wants('message_retention_duration')
    ? message.messageRetentionDuration
    : undefined;
  const retentionMs = retention === undefined ? undefined : durationToMs(retention);
  if (retentionMs !== undefined) checkRetention(retentionMs);
  return {
    name: message.name,
    labels,
    ...(kmsKeyName === '' ? {} : { kmsKeyName }),
    ...(retentionMs === undefined ? {} : { messageRetentionMs: retentionMs }),
  };
}

/** The fields of a mask that the broker keeps; what it does not was found to be unset. */
export function keptTopicFields(fields: ReadonlySet<string>): string[] {
  return [...fields].filter((field) => !(field in isSet));
}

export function topicToMessage(topic: Topic): TopicMessage {
  return create(TopicSchema, {
    name: topic.name,
    labels: { ...topic.labels },
    kmsKeyName: topic.kmsKeyName ?? '',
    state: Topic_State.ACTIVE,
    ...(topic.messageRetentionMs === undefined
      ? {}
      : { messageRetentionDuration: msToDuration(topic.messageRetentionMs) }),
  });
}
