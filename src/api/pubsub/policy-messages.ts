import { create } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';

import {
  invalidArgument,
  type DeadLetterPolicy,
  type MessageStoragePolicy,
  type RetryPolicy,
} from '../../broker/index.ts';
import { msToDuration, RpcError } from '../../rpc/index.ts';
import {
  DeadLetterPolicySchema,
  ExpirationPolicySchema,
  MessageStoragePolicySchema,
  RetryPolicySchema,
  type DeadLetterPolicy as DeadLetterPolicyMessage,
  type ExpirationPolicy as ExpirationPolicyMessage,
  type MessageStoragePolicy as MessageStoragePolicyMessage,
  type RetryPolicy as RetryPolicyMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { durationOf } from './time-fields.ts';
import { checkExpiration, checkTopicName, durations } from './validation.ts';

const attemptsMin = 5;
const attemptsMax = 100;
const regionsMax = 100;
/** `us-central1`, `eur4`: an id of a Google Cloud region, or of one of one's own. */
const region = /^[a-z][a-z0-9-]{0,62}$/;

/** Throws OUT_OF_RANGE for a number of attempts that is none; 0 is the default of 5. */
export function deadLetterPolicyFromMessage({
  deadLetterTopic,
  maxDeliveryAttempts: attempts,
}: DeadLetterPolicyMessage): DeadLetterPolicy {
  checkTopicName(deadLetterTopic);
  if (attempts === 0) return { deadLetterTopic, maxDeliveryAttempts: attemptsMin };
  if (attempts < attemptsMin) throw attemptsOutOfRange(attempts, 'small', 'minimum', attemptsMin);
  if (attempts > attemptsMax) throw attemptsOutOfRange(attempts, 'large', 'maximum', attemptsMax);
  return { deadLetterTopic, maxDeliveryAttempts: attempts };
}

export function deadLetterPolicyToMessage(policy: DeadLetterPolicy): DeadLetterPolicyMessage {
  return create(DeadLetterPolicySchema, { ...policy });
}

/** What of it is absent is 10 and 600 seconds. */
export function retryPolicyFromMessage(message: RetryPolicyMessage): RetryPolicy {
  const { minimumBackoffDefault, maximumBackoffDefault } = durations;
  const minimumBackoffMs = backoffOf('minimum', message.minimumBackoff, minimumBackoffDefault);
  const maximumBackoffMs = backoffOf('maximum', message.maximumBackoff, maximumBackoffDefault);
  if (maximumBackoffMs >= minimumBackoffMs) return { minimumBackoffMs, maximumBackoffMs };
  throw new RpcError(
    'INVALID_ARGUMENT',
    'VALUE_TOO_SMALL',
    `The value for maximum_backoff is too small. You passed ${inSeconds(maximumBackoffMs)} in the request, but the minimum value is ${inSeconds(minimumBackoffMs)}.`,
  );
}

function backoffOf(which: string, duration: Duration | undefined, byDefault: number): number {
  const ms =
    duration === undefined ? byDefault : durationOf(`retry_policy.${which}_backoff`, duration);
  // A fraction of a millisecond below zero would be rounded away.
  const isNegative = duration !== undefined && (duration.seconds < 0n || duration.nanos < 0);
  if (!isNegative && ms <= durations.backoffMax) return ms;
  throw new RpcError(
    'INVALID_ARGUMENT',
    'VALUE_OUT_OF_BOUNDS',
    `The value for ${which}_backoff is out of bounds. You passed ${inSeconds(ms)} in the request, but the value must be between 0s and ${inSeconds(durations.backoffMax)}.`,
  );
}

export function retryPolicyToMessage(policy: RetryPolicy): RetryPolicyMessage {
  return create(RetryPolicySchema, {
    minimumBackoff: msToDuration(policy.minimumBackoffMs),
    maximumBackoff: msToDuration(policy.maximumBackoffMs),
  });
}

/** No policy: 31 days; a policy without ttl: never, which is undefined. */
export function expirationFromMessage(
  policy: ExpirationPolicyMessage | undefined,
): number | undefined {
  if (policy === undefined) return durations.expirationDefault;
  if (policy.ttl === undefined) return undefined;
  const ms = durationOf('expiration_policy.ttl', policy.ttl);
  checkExpiration(ms);
  return ms;
}

export function expirationToMessage(ttlMs: number | undefined): ExpirationPolicyMessage {
  return create(ExpirationPolicySchema, ttlMs === undefined ? {} : { ttl: msToDuration(ttlMs) });
}

/** "An empty list means that no regions are allowed, and is not a valid configuration." */
export function storagePolicyFromMessage({
  allowedPersistenceRegions: regions,
  enforceInTransit,
}: MessageStoragePolicyMessage): MessageStoragePolicy {
  const field = 'message_storage_policy.allowed_persistence_regions';
  if (regions.length === 0) throw invalidArgument(`${field} must not be empty`);
  if (regions.length > regionsMax) throw invalidArgument(`${field}: more than ${regionsMax}`);
  const bad = regions.find((each) => !region.test(each));
  if (bad !== undefined) throw invalidArgument(`${field}: "${bad.slice(0, 100)}" is no region`);
  return { allowedPersistenceRegions: [...regions], enforceInTransit };
}

export function storagePolicyToMessage(policy: MessageStoragePolicy): MessageStoragePolicyMessage {
  return create(MessageStoragePolicySchema, {
    allowedPersistenceRegions: [...policy.allowedPersistenceRegions],
    enforceInTransit: policy.enforceInTransit,
  });
}

/** Backoffs are told in seconds, however long. */
const inSeconds = (ms: number): string => `${ms / 1_000}s`;

function attemptsOutOfRange(given: number, size: string, bound: string, value: number): RpcError {
  return new RpcError(
    'OUT_OF_RANGE',
    'DELIVERY_ATTEMPTS_OUT_OF_RANGE',
    `The value for max_delivery_attempts is too ${size}. You passed ${given} in the request, but the ${bound} value is ${value}.`,
  );
}
