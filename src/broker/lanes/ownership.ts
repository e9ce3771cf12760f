import { RpcError } from '../../rpc/index.ts';
import type { LogId, Store, Tail } from '../../storage/index.ts';

const attemptsMax = 10;

/** Becomes the owner of a log: raises its epoch, so that every earlier writer is fenced. */
export async function takeOver(
  store: Store,
  log: LogId,
): Promise<{ readonly tail: Tail; readonly epoch: number }> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const [tail] = await store.tails([log]);
    const seen = tail ?? { next: 0, trim: 0, epoch: 0, timeMs: 0 };
    const owned = await store.own(log, seen.epoch);
    if (owned !== null) return { tail: seen, epoch: owned.epoch };
  }
  throw new RpcError('UNAVAILABLE', 'NOT_OWNER', 'Other brokers keep taking this resource over.');
}
