import type { RetryPolicy } from '../service.ts';

/**
 * How long a message waits after its `failures`-th nack or passed deadline (1 and up), in
 * milliseconds: it doubles from the policy's minimum to its maximum (pubsub.v1 RetryPolicy). With
 * a minimum of 0 nothing ever waits, as twice nothing is nothing.
 */
export function retryDelayMs(policy: RetryPolicy, failures: number): number {
  const { minimumBackoffMs, maximumBackoffMs } = policy;
  if (minimumBackoffMs === 0) return 0;
  // 2^n is Infinity for a huge n, and the maximum then holds.
  return Math.min(maximumBackoffMs, minimumBackoffMs * 2 ** Math.max(0, failures - 1));
}
