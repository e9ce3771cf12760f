import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { keyAnswer } from '../lanes/key-answer.ts';
import type { KeyHealth } from '../service.ts';
import type { SubscriptionState } from '../subscription-state.ts';

/**
 * Whether the DEK can be had that sealed the next message to be delivered: an older version of the
 * topic's key may have wrapped it than the one that seals now. Null: no message waits.
 */
export async function waitingKey(
  subscription: SubscriptionState,
  clock: Clock,
): Promise<KeyHealth | null> {
  const sequence = nextSequence(subscription);
  if (sequence === undefined) return null;
  const { key, reader } = subscription.topic;
  const use = async (): Promise<void> => {
    try {
      await reader.load(sequence);
    } catch (error) {
      // What else is wrong with stored bytes is not the key's fault.
      if (RpcError.from(error).code === 'FAILED_PRECONDITION') throw error;
    }
  };
  return await keyAnswer({ name: key.name, health: () => key.healthBy(use) }, clock);
}

/** The oldest that nobody has. */
function nextSequence({ backlog, unscannedCount }: SubscriptionState): number | undefined {
  for (const { state, sequence } of backlog.leases()) {
    if (state === 'available' || state === 'held' || state === 'delayed') return sequence;
  }
  return unscannedCount > 0 ? backlog.frontier : undefined;
}
