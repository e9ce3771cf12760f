import { limits, type BrokerService, type Delivery } from '../../broker/index.ts';
import {
  checkAckDeadline,
  checkAckIds,
  checkPullMax,
  checkSubscriptionName,
} from './validation.ts';

export interface AcknowledgeRequest {
  readonly subscription: string;
  readonly ackIds: readonly string[];
}

export interface ModifyAckDeadlineRequest extends AcknowledgeRequest {
  readonly ackDeadlineSeconds: number;
}

export interface PullRequest {
  readonly subscription: string;
  readonly maxMessages: number;
  readonly returnImmediately: boolean;
}

/** google.pubsub.v1.Subscriber.Acknowledge, whichever wire it came by. */
export async function acknowledge(
  broker: BrokerService,
  { subscription, ackIds }: AcknowledgeRequest,
): Promise<void> {
  checkSubscriptionName(subscription);
  checkAckIds(ackIds);
  await broker.acknowledge(subscription, ackIds);
}

/** google.pubsub.v1.Subscriber.ModifyAckDeadline. */
export async function modifyAckDeadline(
  broker: BrokerService,
  { subscription, ackIds, ackDeadlineSeconds }: ModifyAckDeadlineRequest,
): Promise<void> {
  checkSubscriptionName(subscription);
  checkAckDeadline(ackDeadlineSeconds, 0);
  checkAckIds(ackIds);
  await broker.modifyAckDeadline(subscription, ackIds, ackDeadlineSeconds);
}

/** google.pubsub.v1.Subscriber.Pull; `encode` makes the wire's answer while the batch is open. */
export async function pull<Reply>(
  broker: BrokerService,
  request: PullRequest,
  signal: AbortSignal,
  encode: (batch: readonly Delivery[]) => Reply,
): Promise<Reply> {
  checkSubscriptionName(request.subscription);
  checkPullMax(request.maxMessages);
  const { subscription, returnImmediately } = request;
  const messagesMax = Math.min(request.maxMessages, limits.pullMessagesMax);
  return broker.pull(subscription, { messagesMax, returnImmediately, signal }, encode);
}
