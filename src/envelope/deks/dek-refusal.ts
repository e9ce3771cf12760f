import { isTransientKeyError } from '../../kms/index.ts';
import { RpcError, type StatusCode } from '../../rpc/index.ts';
import type { SealedTopic } from '../dek.ts';

/** Answers that are about the key: what is cached must go now (DESIGN: Cache). */
const refusals: ReadonlySet<StatusCode> = new Set([
  'FAILED_PRECONDITION',
  'PERMISSION_DENIED',
  'NOT_FOUND',
  'INVALID_ARGUMENT',
]);

const unreachableReason = 'KMS_UNREACHABLE';

/**
 * What the key service threw, as publish, pull and CreateTopic answer it: FAILED_PRECONDITION with
 * the service's own reason, text and details. Anything that says nothing about the key (UNAVAILABLE,
 * DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, an external key manager that could not be asked, a broken
 * answer) has the reason KMS_UNREACHABLE. DATA_LOSS stays what it is: a damaged key comes back by no
 * waiting.
 */
export function refusalOf(thrown: unknown, keyName: string): RpcError {
  const kms = RpcError.from(thrown);
  const prefix = `Cloud KMS error when using key ${keyName}: `;
  if (refusals.has(kms.code) && !isTransientKeyError(kms)) {
    const options = { details: kms.details, cause: thrown };
    return new RpcError('FAILED_PRECONDITION', kms.reason, prefix + kms.message, options);
  }
  if (kms.code === 'DATA_LOSS') {
    return new RpcError(kms.code, kms.reason, prefix + kms.message, { cause: thrown });
  }
  const text = `${prefix}the key service cannot be reached (${kms.code}: ${kms.message})`;
  return new RpcError('FAILED_PRECONDITION', unreachableReason, text, { cause: thrown });
}

/** Whether a warm DEK may live on to its hard end in spite of this error. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof RpcError && error.reason === unreachableReason;
}

/** The key service returned other bytes than were wrapped for this topic or service. */
export function commitmentMismatch(keyName: string, { name }: { readonly name: string }): RpcError {
  const text = `Key ${keyName} returned another data encryption key than was wrapped for ${name}.`;
  return new RpcError('DATA_LOSS', 'DEK_COMMITMENT_MISMATCH', text);
}

/** A DEK row is absent, damaged, or not the one that its key says. */
export function rowDamaged(topic: SealedTopic, version: number): RpcError {
  const text = `Data encryption key ${version} of ${topic.name} is missing or damaged.`;
  return new RpcError('DATA_LOSS', 'DEK_ROW_DAMAGED', text);
}

/** The row's suite may not be used in this process: suite 2 in FIPS mode. */
export function suiteUnavailable(topic: SealedTopic, suite: number): RpcError {
  const text = `${topic.name} is sealed with suite ${suite}, which may not be used here.`;
  return new RpcError('FAILED_PRECONDITION', 'SUITE_UNAVAILABLE', text);
}

/** The manager was closed, or the topic was forgotten, while the request was under way. */
export function topicGone(topic: SealedTopic, isClosing: boolean): RpcError {
  if (isClosing) return new RpcError('UNAVAILABLE', 'DRAINING', 'The server is shutting down.');
  const id = topic.name.slice(topic.name.lastIndexOf('/') + 1);
  return new RpcError('NOT_FOUND', 'TOPIC_NOT_FOUND', `Resource not found (resource=${id}).`);
}
