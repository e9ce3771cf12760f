import { RpcError } from '../../rpc/index.ts';
import type { SettleResult } from '../service.ts';

/** What clients read: above `TRANSIENT_` they send the id again (pubsub.v1, exactly once). */
const failures: Readonly<Partial<Record<SettleResult, string>>> = {
  expired: 'PERMANENT_FAILURE_INVALID_ACK_ID',
  invalid: 'PERMANENT_FAILURE_INVALID_ACK_ID',
  unordered: 'TRANSIENT_FAILURE_UNORDERED_ACK_ID',
  failed: 'TRANSIENT_FAILURE_INTERNAL',
};

const invalidText =
  'Some acknowledgement ids in the request were invalid. This could be because the ' +
  'acknowledgement ids have expired or the acknowledgement ids were malformed.';
const unorderedText = 'Some acknowledgement ids in the request were sent out of order';
const failedText =
  'Some acknowledgement ids in the request could not be processed. Please try again.';

/** Names each id that failed; null if none did. An id that it does not name has succeeded. */
export function exactlyOnceRefusal(
  ackIds: readonly string[],
  results: readonly SettleResult[],
): RpcError | null {
  const failed = ackIds.flatMap((ackId, i) => {
    const failure = failures[results[i]!];
    return failure === undefined ? [] : [[ackId, failure] as const];
  });
  if (failed.length === 0) return null;
  const isPermanent = results.some((result) => result === 'expired' || result === 'invalid');
  const isUnordered = results.includes('unordered');
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'EXACTLY_ONCE_ACKID_FAILURE',
    domain: 'pubsub.googleapis.com',
    metadata: Object.fromEntries(failed),
  } as const;
  return new RpcError(
    isPermanent ? 'INVALID_ARGUMENT' : 'UNAVAILABLE',
    info.reason,
    isPermanent ? invalidText : isUnordered ? unorderedText : failedText,
    { details: [info] },
  );
}
