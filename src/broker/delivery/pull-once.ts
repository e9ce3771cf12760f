import type { Clock } from '../../runtime/index.ts';
import { Consumer } from './consumer.ts';
import type { Delivery, PullRequest } from '../service.ts';
import type { SubscriptionState } from '../subscription-state.ts';

/** A Pull waits so long for a first message; clients give up after 60 s. */
const waitMs = 25_000;
/** One that does not want to wait waits so long for transforms. */
const transformWaitMs = 2_000;
/** Bytes of one answer, beside a single larger message. */
const replyBytes = 1024 * 1024;

/**
 * One Pull: a consumer that takes a single batch. Answers with nothing when the wait is over, or at
 * once if that was asked for; leases nothing for a client that went away.
 */
export async function pullOnce<Reply>(
  subscription: SubscriptionState,
  request: PullRequest,
  ports: { readonly clock: Clock },
  take: (batch: readonly Delivery[]) => Reply,
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  // It may be refused while the consumer is still being attached, before anybody awaits it.
  promise.catch(() => undefined);
  const consumer = new Consumer({
    type: 'pull',
    limits: { messagesMax: request.messagesMax, bytesMax: Infinity, turnBytes: replyBytes },
    ackDeadlineMs: subscription.row.ackDeadlineSeconds * 1000,
    deliver: (batch) => {
      answer(batch);
      return false;
    },
    fail: (error) => {
      subscription.detach(consumer);
      reject(error);
    },
    idle: () => {
      if (request.returnImmediately) giveUp();
    },
  });
  const answer = (batch: readonly Delivery[]): void => {
    subscription.detach(consumer);
    try {
      resolve(take(batch));
    } catch (error) {
      reject(error);
    }
  };
  const giveUp = (): void => {
    if (!consumer.isClosed) answer([]);
  };
  const isBrief = request.returnImmediately && subscription.transforms.isOn;
  const deadlineMs = ports.clock.monotonicMs() + (isBrief ? transformWaitMs : waitMs);
  const cancel = ports.clock.schedule(deadlineMs, giveUp);
  request.signal.addEventListener('abort', giveUp);
  if (request.signal.aborted) giveUp();
  try {
    await subscription.attach(consumer);
    const isComing = consumer.committingCount > 0 || subscription.transforms.isBusy;
    const isServed = isComing || subscription.hasAvailable(consumer);
    if (request.returnImmediately && !isServed) giveUp();
    return await promise;
  } finally {
    cancel();
    request.signal.removeEventListener('abort', giveUp);
  }
}
