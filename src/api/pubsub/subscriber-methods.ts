import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';

import type { BrokerService } from '../../broker/index.ts';
import { parsePubsubName } from '../../rpc/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import {
  ListSubscriptionsResponseSchema,
  Subscriber,
  type Subscription as SubscriptionMessage,
  type UpdateSubscriptionRequest,
} from '../proto/google/pubsub/v1/pubsub_pb.ts';
import { acknowledge, modifyAckDeadline } from './consuming.ts';
import { method, type PubsubMethod } from './method.ts';
import {
  keptSubscriptionFields,
  subscriptionFromMessage,
  subscriptionMask,
  subscriptionToMessage,
} from './subscription-message.ts';
import { mergedPushConfig, pushConfigFromMessage } from './push-config-message.ts';
import { maskedFields } from './unsupported.ts';
import {
  checkProject,
  checkSubscriptionName,
  checkTopicName,
  invalidName,
  pageRequest,
} from './validation.ts';

/** The unary methods of google.pubsub.v1.Subscriber but Pull, which has a path of its own. */
export function subscriberMethods(broker: BrokerService, entropy: Entropy): PubsubMethod[] {
  const service = Subscriber.method;
  return [
    method(service.createSubscription, async (request) => {
      checkTopicName(request.topic);
      if (request.name === '') request.name = drawName(request.topic, entropy);
      const subscription = subscriptionFromMessage(request, () => true);
      return subscriptionToMessage(await broker.createSubscription(subscription));
    }),
    method(service.getSubscription, async ({ subscription }) => {
      checkSubscriptionName(subscription);
      return subscriptionToMessage(await broker.getSubscription(subscription));
    }),
    method(service.updateSubscription, (request) => update(broker, request)),
    method(service.deleteSubscription, async ({ subscription }) => {
      checkSubscriptionName(subscription);
      await broker.deleteSubscription(subscription);
      return create(EmptySchema);
    }),
    method(service.listSubscriptions, async ({ project, pageSize, pageToken }) => {
      checkProject(project);
      const page = await broker.listSubscriptions(project, pageRequest(pageSize, pageToken));
      const { nextPageToken } = page;
      const subscriptions = page.items.map(subscriptionToMessage);
      return create(ListSubscriptionsResponseSchema, { subscriptions, nextPageToken });
    }),
    method(service.modifyPushConfig, async ({ subscription, pushConfig }) => {
      checkSubscriptionName(subscription);
      await broker.modifyPushConfig(subscription, pushConfigFromMessage(pushConfig));
      return create(EmptySchema);
    }),
    method(service.acknowledge, async (request) => {
      await acknowledge(broker, request);
      return create(EmptySchema);
    }),
    method(service.modifyAckDeadline, async (request) => {
      await modifyAckDeadline(broker, request);
      return create(EmptySchema);
    }),
  ];
}

/** An absent name is chosen by the server, in the topic's project (pubsub.v1 Subscription.name). */
function drawName(topic: string, entropy: Entropy): string {
  const project = parsePubsubName(topic, 'topics')?.project ?? '';
  const id = Buffer.from(draw(entropy, 8)).toString('hex');
  return `projects/${project}/subscriptions/sub-${id}`;
}

async function update(
  broker: BrokerService,
  request: UpdateSubscriptionRequest,
): Promise<SubscriptionMessage> {
  if (request.subscription === undefined) throw invalidName('');
  const fields = maskedFields(request.updateMask?.paths, subscriptionMask);
  await completePushConfig(broker, request);
  const subscription = subscriptionFromMessage(request.subscription, (field) => fields.has(field));
  const kept = keptSubscriptionFields(fields);
  const isChange = kept.length > 0;
  const stored = isChange
    ? await broker.updateSubscription(subscription, kept)
    : await broker.getSubscription(subscription.name);
  return subscriptionToMessage(stored);
}

/** A mask may name parts of the push configuration: the rest of it stays as it is stored. */
async function completePushConfig(
  broker: BrokerService,
  { subscription, updateMask }: UpdateSubscriptionRequest,
): Promise<void> {
  const paths = (updateMask?.paths ?? []).map((path) => path.split('.'));
  const ofPush = paths.filter(([field]) => field === 'push_config');
  if (ofPush.length === 0 || subscription === undefined) return;
  if (ofPush.some(([, part]) => part === undefined)) return;
  checkSubscriptionName(subscription.name);
  const stored = subscriptionToMessage(await broker.getSubscription(subscription.name));
  const parts = new Set(ofPush.map(([, part]) => part ?? ''));
  subscription.pushConfig = mergedPushConfig(stored.pushConfig!, subscription.pushConfig, parts);
}
