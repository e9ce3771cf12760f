import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';

import { invalidArgument, type BrokerService, type Subscription } from '../../broker/index.ts';
import { operator } from '../../iam/index.ts';
import { parsePubsubName, RpcError } from '../../rpc/index.ts';
import type { Entropy } from '../../runtime/index.ts';
import {
  ListSubscriptionsResponseSchema,
  SeekResponseSchema,
  Subscriber,
  SubscriptionSchema,
  type SeekRequest,
  type SeekResponse,
  type Subscription as SubscriptionMessage,
  type UpdateSubscriptionRequest,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { acknowledge, modifyAckDeadline } from './consuming.ts';
import { drawName } from './drawn-name.ts';
import { method, type ApiCall, type ApiMethod } from '../method.ts';
import { pushConfigFromMessage } from './push-config-message.ts';
import { snapshotMethods } from './snapshot-methods.ts';
import {
  keptSubscriptionFields,
  subscriptionFromMessage,
  subscriptionMask,
  subscriptionToMessage,
} from './subscription-message.ts';
import { timeOf } from './time-fields.ts';
import { masked, readMask } from './update-mask.ts';
import {
  checkProject,
  checkSnapshotName,
  checkSubscriptionName,
  checkTopicName,
  invalidName,
  pageRequest,
} from './validation.ts';

/** The unary methods of google.pubsub.v1.Subscriber but Pull, which has a path of its own. */
export function subscriberMethods(broker: BrokerService, entropy: Entropy): ApiMethod[] {
  const service = Subscriber.method;
  return [
    method(service.createSubscription, async (request) => {
      checkTopicName(request.topic);
      request.name ||= drawName(parsePubsubName(request.topic, 'topics'), 'subscriptions', entropy);
      const subscription = subscriptionFromMessage(request);
      return subscriptionToMessage(await broker.createSubscription(subscription));
    }),
    method(service.getSubscription, async ({ subscription }) => {
      checkSubscriptionName(subscription);
      return subscriptionToMessage(await broker.getSubscription(subscription));
    }),
    method(service.updateSubscription, (request, call) => update(broker, request, call)),
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
    method(service.seek, (request) => seek(broker, request)),
    ...snapshotMethods(broker, entropy),
  ];
}

async function update(
  broker: BrokerService,
  { subscription: given, updateMask }: UpdateSubscriptionRequest,
  { principal }: Pick<ApiCall, 'principal'>,
): Promise<SubscriptionMessage> {
  if (given === undefined) throw invalidName('');
  const mask = readMask(updateMask?.paths, subscriptionMask);
  checkSubscriptionName(given.name);
  const change = (stored: Subscription): Subscription => {
    const message = masked(SubscriptionSchema, subscriptionToMessage(stored), given, mask);
    const isPart = mask.paths.some(
      ([field, inner]) => field === 'push_config' && inner !== undefined,
    );
    if (isPart && principal !== operator) requireSameAccount(message, given);
    return subscriptionFromMessage(message);
  };
  const kept = keptSubscriptionFields(mask.fields);
  return subscriptionToMessage(await broker.updateSubscription(given.name, change, kept));
}

/**
 * Who changes a part of a push names the account that its tokens are of: he was asked whether he may
 * act as the one that he named, and tokens of another would go where he sends them.
 */
function requireSameAccount(changed: SubscriptionMessage, given: SubscriptionMessage): void {
  const email = accountOf(changed);
  if (email === '' || email === accountOf(given)) return;
  throw invalidArgument(
    'push_config.oidc_token.service_account_email must be given where a part of a push_config that has one is changed',
  );
}

function accountOf({ pushConfig }: SubscriptionMessage): string {
  const method = pushConfig?.authenticationMethod;
  return method?.case === 'oidcToken' ? method.value.serviceAccountEmail : '';
}

async function seek(
  broker: BrokerService,
  { subscription, target }: SeekRequest,
): Promise<SeekResponse> {
  checkSubscriptionName(subscription);
  if (target.case === undefined) {
    throw new RpcError(
      'INVALID_ARGUMENT',
      'SEEK_TARGET_MISSING',
      'No target was specified in the SeekRequest. Must specify either a time or a snapshot',
    );
  }
  if (target.case === 'snapshot') checkSnapshotName(target.value);
  await broker.seek(
    subscription,
    target.case === 'snapshot'
      ? { snapshot: target.value }
      : { timeMs: timeOf('time', target.value) },
  );
  return create(SeekResponseSchema);
}
