import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';

import type { BrokerService } from '../../broker/index.ts';
import {
  ListTopicsResponseSchema,
  ListTopicSubscriptionsResponseSchema,
  Publisher,
  type Topic as TopicMessage,
  type UpdateTopicRequest,
} from '../proto/google/pubsub/v1/pubsub_pb.ts';
import { method, type PubsubMethod } from './method.ts';
import { keptTopicFields, topicFromMessage, topicMask, topicToMessage } from './topic-message.ts';
import { maskedFields } from './unsupported.ts';
import { checkProject, checkTopicName, invalidName, pageRequest } from './validation.ts';

/** The administrative methods of google.pubsub.v1.Publisher. Publish has a path of its own. */
export function publisherMethods(broker: BrokerService): PubsubMethod[] {
  const { createTopic, getTopic, updateTopic, deleteTopic, listTopics, listTopicSubscriptions } =
    Publisher.method;
  return [
    method(createTopic, async (request) =>
      topicToMessage(await broker.createTopic(topicFromMessage(request, () => true))),
    ),
    method(getTopic, async ({ topic }) => {
      checkTopicName(topic);
      return topicToMessage(await broker.getTopic(topic));
    }),
    method(updateTopic, (request) => update(broker, request)),
    method(deleteTopic, async ({ topic }) => {
      checkTopicName(topic);
      await broker.deleteTopic(topic);
      return create(EmptySchema);
    }),
    method(listTopics, async ({ project, pageSize, pageToken }) => {
      checkProject(project);
      const page = await broker.listTopics(project, pageRequest(pageSize, pageToken));
      const { nextPageToken } = page;
      const topics = page.items.map(topicToMessage);
      return create(ListTopicsResponseSchema, { topics, nextPageToken });
    }),
    method(listTopicSubscriptions, async ({ topic, pageSize, pageToken }) => {
      checkTopicName(topic);
      const page = await broker.listTopicSubscriptions(topic, pageRequest(pageSize, pageToken));
      const { items: subscriptions, nextPageToken } = page;
      return create(ListTopicSubscriptionsResponseSchema, { subscriptions, nextPageToken });
    }),
  ];
}

async function update(broker: BrokerService, request: UpdateTopicRequest): Promise<TopicMessage> {
  if (request.topic === undefined) throw invalidName('');
  const fields = maskedFields(request.updateMask?.paths, topicMask);
  const topic = topicFromMessage(request.topic, (field) => fields.has(field));
  const kept = keptTopicFields(fields);
  const isChange = kept.length > 0;
  const stored = isChange
    ? await broker.updateTopic(topic, kept)
    : await broker.getTopic(topic.name);
  return topicToMessage(stored);
}
