import { RpcError } from '../rpc/index.ts';
import { backoffMs, draw, type Clock, type Entropy } from '../runtime/index.ts';
import { retryWaitMs } from './remote-limits.ts';

/** The answer cannot be trusted, or the other side does not trust the question. */
export class CorruptionError extends Error {
  override name = 'CorruptionError';
}

export interface Attempts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** For all tries together. */
  readonly deadlineMs: number;
  readonly onRetry: (error: RpcError) => void;
  readonly onCorruption: () => void;
}

/**
 * Runs `attempt` with the milliseconds that are left to it, again and again while the service is
 * UNAVAILABLE and time is left for a wait; once more if an answer was corrupted on its way.
 *
 * @throws RpcError of the last try; UNAVAILABLE `KMS_CORRUPTED` if two answers were corrupted
 */
export async function tryRepeatedly<Answer>(
  attempts: Attempts,
  attempt: (timeoutMs: number) => Promise<Answer>,
): Promise<Answer> {
  const { clock } = attempts;
  const endMs = clock.monotonicMs() + attempts.deadlineMs;
  let corruptions = 0;
  for (let count = 1; ; count++) {
    try {
      return await attempt(endMs - clock.monotonicMs());
    } catch (thrown) {
      const isCorrupt = thrown instanceof CorruptionError;
      if (isCorrupt) attempts.onCorruption();
      const error = isCorrupt ? corruptedError(thrown) : RpcError.from(thrown);
      if (isCorrupt ? ++corruptions > 1 : error.code !== 'UNAVAILABLE') throw error;
      const waitMs = isCorrupt ? 0 : jittered(attempts.entropy, backoffMs(retryWaitMs, count));
      if (clock.monotonicMs() + waitMs >= endMs) throw error;
      attempts.onRetry(error);
      await pause(clock, waitMs);
    }
  }
}

/** Between half of `ms` and all of it, so that many who wait do not come back together. */
export function jittered(entropy: Entropy, ms: number): number {
  const [low = 0, high = 0] = draw(entropy, 2);
  return ms * (0.5 + (low + high * 256) / 131_072);
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(clock.monotonicMs() + ms, resolve);
  });
}

function corruptedError(cause: CorruptionError): RpcError {
  const text = `What the key service answered was corrupted on its way: ${cause.message}`;
  return new RpcError('UNAVAILABLE', 'KMS_CORRUPTED', text, { cause });
}
