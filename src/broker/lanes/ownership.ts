import { storageRefusal } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { LogId, Store, Tail } from '../../storage/index.ts';

const attemptsMax = 10;

interface Ownership {
  readonly tail: Tail;
  readonly epoch: number;
}

/** Becomes the owner of a log: raises its epoch, so that every earlier writer is fenced. */
export async function takeOver(store: Store, log: LogId): Promise<Ownership> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const owned = await tryTakeOver(store, log);
    if (owned !== null) return owned;
  }
  throw new RpcError('UNAVAILABLE', 'NOT_OWNER', 'Other brokers keep taking this resource over.');
}

async function tryTakeOver(store: Store, log: LogId): Promise<Ownership | null> {
  try {
    const [tail] = await store.tails([log]);
    const seen = tail ?? { next: 0, trim: 0, epoch: 0, timeMs: 0 };
    const owned = await store.own(log, seen.epoch);
    return owned === null ? null : { tail: seen, epoch: owned.epoch };
  } catch (error) {
    throw storageRefusal(error);
  }
}
