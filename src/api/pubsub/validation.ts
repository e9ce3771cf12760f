import {
  invalidArgument,
  limits,
  tooLarge,
  tooSmall,
  type PageRequest,
} from '../../broker/index.ts';
import { requireKeyName, reservedProject, reservedProjectError } from '../../kms/index.ts';
import { formatDuration, parseProjectName, parsePubsubName, RpcError } from '../../rpc/index.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Ranges and defaults of pubsub.v1, in milliseconds. */
export const durations: {
  readonly retentionMin: number;
  readonly retentionMax: number;
  readonly retentionDefault: number;
  readonly expirationMin: number;
  readonly expirationDefault: number;
  readonly minimumBackoffDefault: number;
  readonly maximumBackoffDefault: number;
  readonly backoffMax: number;
} = {
  retentionMin: 10 * minuteMs,
  retentionMax: 31 * dayMs,
  retentionDefault: 7 * dayMs,
  expirationMin: dayMs,
  expirationDefault: 31 * dayMs,
  minimumBackoffDefault: 10_000,
  maximumBackoffDefault: 10 * minuteMs,
  backoffMax: 10 * minuteMs,
};

/** Bytes of an Acknowledge or ModifyAckDeadline request (pubsub quotas). */
const ackRequestBytesMax = 524_288;
const labelsMax = 64;
const tagsMax = 50;
const pageSizeMax = 1_000;

const labelKeyPattern = '[\\p{Ll}\\p{Lo}][\\p{Ll}\\p{Lo}\\p{N}_-]{0,62}';
const labelValuePattern = '[\\p{Ll}\\p{Lo}\\p{N}_-]{0,63}';
const labelKey = new RegExp(`^${labelKeyPattern}$`, 'u');
const labelValue = new RegExp(`^${labelValuePattern}$`, 'u');

/** `123/environment`: the parent's id and the key's short name (Resource Manager, TagKey). */
const tagKey = /^[A-Za-z0-9][A-Za-z0-9.:_-]*\/[^'"\\/\p{Cc}]{1,256}$/u;
const tagValue = /^[^'"\\/\p{Cc}]{1,256}$/u;

export function checkTopicName(name: string): void {
  checkOpenProject(parsePubsubName(name, 'topics')?.project, name);
}

export function checkSubscriptionName(name: string): void {
  checkOpenProject(parsePubsubName(name, 'subscriptions')?.project, name);
}

export function checkSnapshotName(name: string): void {
  checkOpenProject(parsePubsubName(name, 'snapshots')?.project, name);
}

export function checkSchemaName(name: string): void {
  checkOpenProject(parsePubsubName(name, 'schemas')?.project, name);
}

/** `projects/P/schemas/S@REVISION`. */
export function checkRevisionName(name: string): void {
  const match = /^([^@]*)@[0-9a-f]{8}$/.exec(name);
  checkOpenProject(parsePubsubName(match?.[1] ?? '', 'schemas')?.project, name);
}

export function checkProject(name: string): void {
  checkOpenProject(parseProjectName(name), name);
}

/** Nothing of a user's is in the project of the service's own key. */
function checkOpenProject(project: string | undefined, name: string): void {
  if (project === undefined) throw invalidName(name);
  if (project === reservedProject) throw reservedProjectError();
}

export function checkCryptoKeyName(name: string): void {
  requireKeyName(name, 'kms_key_name');
}

export function invalidName(name: string): RpcError {
  return new RpcError(
    'INVALID_ARGUMENT',
    'INVALID_RESOURCE_NAME',
    `Invalid resource name given (name=${name.slice(0, 400)}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
  );
}

export function checkLabels(labels: Readonly<Record<string, string>>): void {
  const faults: string[] = [];
  const entries = Object.entries(labels);
  for (const [key, value] of entries) {
    if (!labelKey.test(key)) faults.push(nonconforming('key', key, labelKeyPattern));
    if (!labelValue.test(value)) faults.push(nonconforming('value', value, labelValuePattern));
  }
  if (entries.length > labelsMax) faults.push(`more than ${labelsMax} labels`);
  if (faults.length === 0) return;
  throw invalidArgument(
    `Invalid labels: Invalid field "labels"; ${faults.slice(0, 10).join('; ')}`,
  );
}

const nonconforming = (what: string, text: string, pattern: string): string =>
  `${what} "${text.slice(0, 100)}" does not conform to regular expression "${pattern}"`;

/** "Input only. Immutable." They are checked, and nobody asks for them again (pubsub.v1 tags). */
export function checkTags(tags: Readonly<Record<string, string>>): void {
  const entries = Object.entries(tags);
  if (entries.length > tagsMax) throw invalidArgument(`tags: more than ${tagsMax}`);
  for (const [key, value] of entries) {
    if (!tagKey.test(key)) throw invalidArgument(`tags: "${key.slice(0, 100)}" is no tag key`);
    if (!tagValue.test(value)) {
      throw invalidArgument(`tags: "${value.slice(0, 100)}" is no tag value`);
    }
  }
}

/** Longer than otherwise, as every redelivery counts (pubsub docs, exactly-once delivery). */
const exactlyOnceDeadlineSeconds = 60;

/** The deadline of a subscription; 0 means the default. */
export function ackDeadlineOf(seconds: number, isExactlyOnce: boolean): number {
  if (seconds === 0) {
    return isExactlyOnce ? exactlyOnceDeadlineSeconds : limits.ackDeadlineSecondsMin;
  }
  checkAckDeadline(seconds, limits.ackDeadlineSecondsMin);
  return seconds;
}

/** `min` is 10 for a subscription's deadline and 0 for a message's. */
export function checkAckDeadline(seconds: number, min: number): void {
  const max = limits.ackDeadlineSecondsMax;
  if (seconds >= min && seconds <= max) return;
  throw new RpcError(
    'INVALID_ARGUMENT',
    'INVALID_ACK_DEADLINE',
    `Invalid ack deadline given (ack_deadline=${seconds}). The ack deadline must be between ${min} and ${max} seconds.`,
  );
}

export function checkRetention(ms: number): void {
  const { retentionMin, retentionMax } = durations;
  if (ms >= retentionMin && ms <= retentionMax) return;
  throw new RpcError(
    'INVALID_ARGUMENT',
    'VALUE_OUT_OF_BOUNDS',
    `The value for message retention duration is out of bounds. You passed ${formatDuration(ms)} in the request, but the value must be between ${formatDuration(retentionMin)} and ${formatDuration(retentionMax)}.`,
  );
}

export function checkExpiration(ms: number): void {
  if (ms >= durations.expirationMin) return;
  throw new RpcError(
    'INVALID_ARGUMENT',
    'VALUE_TOO_SMALL',
    `The value for expiration duration is too small. You passed ${formatDuration(ms)} in the request, but the minimum value is ${formatDuration(durations.expirationMin)}.`,
  );
}

export function pageRequest(pageSize: number, pageToken: string): PageRequest {
  if (pageSize >= 0 && pageSize <= pageSizeMax) return { pageSize, pageToken };
  throw invalidArgument(
    `page_size has the value ${pageSize}, valid values between 0 and ${pageSizeMax}`,
  );
}

export function checkMessageCount(count: number): void {
  if (count < 1) throw tooSmall('message_count', count, 1);
  const max = limits.messagesPerPublishMax;
  if (count > max) throw tooLarge('message_count', count, max);
}

export function checkPullMax(count: number): void {
  if (count < 1) throw invalidArgument('max_messages');
}

/** Ack ids of one request; production takes as many as fit into 512 KiB. */
export function checkAckIds(ackIds: readonly string[]): void {
  if (ackIds.length === 0) {
    throw new RpcError(
      'INVALID_ARGUMENT',
      'ACK_ID_MISSING',
      'You have not specified an ack ID in the request.',
    );
  }
  let bytes = 0;
  for (const ackId of ackIds) bytes += ackId.length + 2;
  if (bytes > ackRequestBytesMax) throw tooLarge('request_size', bytes, ackRequestBytesMax);
}
