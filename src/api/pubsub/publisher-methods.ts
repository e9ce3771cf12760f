import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';

import type { BrokerService, Topic } from '../../broker/index.ts';
import {
  DetachSubscriptionResponseSchema,
  ListTopicSnapshotsResponseSchema,
  ListTopicsResponseSchema,
  ListTopicSubscriptionsResponseSchema,
  Publisher,
  TopicSchema,
  type Topic as TopicMessage,
  type UpdateTopicRequest,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { method, type ApiMethod } from '../method.ts';
import { keptTopicFields, topicFromMessage, topicMask, topicToMessage } from './topic-message.ts';
import { masked, readMask } from './update-mask.ts';
import {
  checkProject,
  checkSubscriptionName,
  checkTopicName,
  invalidName,
  pageRequest,
} from './validation.ts';

/** The administrative methods of google.pubsub.v1.Publisher. Publish has a path of its own. */
export function publisherMethods(broker: BrokerService): ApiMethod[] {
  const service = Publisher.method;
  return [
    method(service.createTopic, async (request) =>
      topicToMessage(await broker.createTopic(topicFromMessage(request))),
    ),
    method(service.getTopic, async ({ topic }) => {
      checkTopicName(topic);
      return topicToMessage(await broker.getTopic(topic));
    }),
    method(service.updateTopic, (request) => update(broker, request)),
    method(service.deleteTopic, async ({ topic }) => {
      checkTopicName(topic);
      await broker.deleteTopic(topic);
      return create(EmptySchema);
    }),
    method(service.listTopics, async ({ project, pageSize, pageToken }) => {
      checkProject(project);
      const page = await broker.listTopics(project, pageRequest(pageSize, pageToken));
      const { nextPageToken } = page;
      const topics = page.items.map(topicToMessage);
      return create(ListTopicsResponseSchema, { topics, nextPageToken });
    }),
    method(service.listTopicSubscriptions, async ({ topic, pageSize, pageToken }) => {
      checkTopicName(topic);
      const page = await broker.listTopicSubscriptions(topic, pageRequest(pageSize, pageToken));
      const { items: subscriptions, nextPageToken } = page;
      return create(ListTopicSubscriptionsResponseSchema, { subscriptions, nextPageToken });
    }),
    method(service.listTopicSnapshots, async ({ topic, pageSize, pageToken }) => {
      checkTopicName(topic);
      const page = await broker.listTopicSnapshots(topic, pageRequest(pageSize, pageToken));
      const { items: snapshots, nextPageToken } = page;
      return create(ListTopicSnapshotsResponseSchema, { snapshots, nextPageToken });
    }),
    method(service.detachSubscription, async ({ subscription }) => {
      checkSubscriptionName(subscription);
      await broker.detachSubscription(subscription);
      return create(DetachSubscriptionResponseSchema);
    }),
  ];
}

async function update(
  broker: BrokerService,
  { topic: given, updateMask }: UpdateTopicRequest,
): Promise<TopicMessage> {
  if (given === undefined) throw invalidName('');
  const mask = readMask(updateMask?.paths, topicMask);
  checkTopicName(given.name);
  const change = (stored: Topic): Topic =>
    topicFromMessage(masked(TopicSchema, topicToMessage(stored), given, mask));
  const kept = keptTopicFields(mask.fields);
  return topicToMessage(await broker.updateTopic(given.name, change, kept));
}
