import { operator, type Principal } from '../../iam/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { flushMs } from '../unsent-answers.ts';
import type { Access } from './access.ts';
import { oneField } from './request-fields.ts';

const pullRpc = 'google.pubsub.v1.Subscriber.Pull';

/** Who pulls from where. */
export interface Puller {
  readonly principal: Principal;
  readonly subscription: string;
}

/** @throws RpcError PERMISSION_DENIED or UNAUTHENTICATED */
export function requirePull(access: Access, { principal, subscription }: Puller): void {
  if (principal === operator) return;
  access.require(principal, pullRpc, oneField('subscription', subscription));
}

/**
 * Runs a pull that may wait, and ends it once its caller may pull no more: with what he is refused
 * with, and without what was opened for him.
 */
export async function watchedPull<Reply>(
  access: Access,
  puller: Puller,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<Reply>,
): Promise<Reply> {
  if (puller.principal === operator) return run(signal);
  const controller = new AbortController();
  const refused: { error?: unknown } = {};
  const stop = access.watch(() => {
    const error = refusalOf(access, puller);
    if (error === undefined || 'error' in refused) return;
    refused.error = error;
    controller.abort();
  });
  try {
    const reply = await run(AbortSignal.any([signal, controller.signal]));
    if ('error' in refused) throw refused.error;
    return reply;
  } catch (error) {
    throw 'error' in refused ? refused.error : error;
  } finally {
    stop();
  }
}

/** Cuts an answer off that its client has not taken soon after he may pull no more. */
export function watchUntaken(
  access: Access,
  puller: Puller,
  clock: Clock,
  cut: () => void,
): () => void {
  if (puller.principal === operator) return () => undefined;
  let isOver = false;
  const stop = access.watch(() => {
    if (refusalOf(access, puller) === undefined) return;
    stop();
    clock.schedule(clock.monotonicMs() + flushMs, () => {
      if (!isOver) cut();
    });
  });
  return () => {
    isOver = true;
    stop();
  };
}

function refusalOf(access: Access, puller: Puller): unknown {
  try {
    requirePull(access, puller);
    return undefined;
  } catch (error) {
    return error;
  }
}
