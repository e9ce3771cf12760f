import { RpcError } from '../../rpc/index.ts';

/** A transform did not bear a message of a publish: nothing of the request is stored. */
export function transformFailed(place: string, message: string): RpcError {
  return new RpcError(
    'INVALID_ARGUMENT',
    'TRANSFORM_FAILED',
    `The message transforms of the topic failed, and nothing was published (${place}: ${message}).`,
  );
}

/** What runs transforms does not: what was not transformed must not pass. */
export function transformsUnavailable(cause?: unknown): RpcError {
  return new RpcError(
    'UNAVAILABLE',
    'TRANSFORMS_UNAVAILABLE',
    'Message transforms cannot be run at the moment. Please try again.',
    cause === undefined ? {} : { cause },
  );
}

export function tooManyTrials(): RpcError {
  return new RpcError(
    'RESOURCE_EXHAUSTED',
    'TRANSFORM_TESTS_BUSY',
    'Too many message transforms are being tested at once. Please try again with backoff.',
  );
}
