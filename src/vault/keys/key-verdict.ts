import { isTransientKeyError } from '../../kms/index.ts';
import { type ErrorDetail, RpcError, type StatusCode } from '../../rpc/index.ts';
import type { KeyCondition, RevocationCause } from './key-state.ts';

/** What one answer of the key service says of a key. */
export interface KeyVerdict {
  readonly condition: Exclude<KeyCondition, 'ENABLED'>;
  readonly cause?: RevocationCause;
  readonly message: string;
  /** The version that it is about, where the answer names one. */
  readonly version?: string;
}

/** Whom a message names. */
export interface KeyNames {
  readonly key: string;
  /** `serviceAccount:service-N@serverless-robot-prod…`; empty if it could not be found out. */
  readonly member: string;
}

type Violation = Extract<
  ErrorDetail,
  { '@type': 'type.googleapis.com/google.rpc.PreconditionFailure' }
>['violations'][number];

/** CryptoKeyVersionState, as both Cloud KMS's texts and its violations (`KEY_…`) name it. */
const ofStates: ReadonlyMap<string, RevocationCause> = new Map([
  ['DISABLED', 'disabled'],
  ['DESTROYED', 'destroyed'],
  ['DESTROY_SCHEDULED', 'scheduled'],
  ['PENDING_EXTERNAL_DESTRUCTION', 'destroyed'],
  ['EXTERNAL_DESTRUCTION_FAILED', 'destroyed'],
]);

const stateText = /current state is: ([A-Z_]+)/;
const versionText = /projects\/[^\s/]+\/[^\s]+\/cryptoKeyVersions\/[0-9]+/;

/** The seed's five messages, to the letter: the last has a capital K. */
const messages: Readonly<Record<'disabled' | 'destroyed' | 'scheduled', (key: string) => string>> =
  {
    disabled: (key) => `User's CMEK key has been disabled. CMEK key: ${key}`,
    destroyed: (key) => `User's CMEK key has been destroyed. CMEK key: ${key}`,
    scheduled: (key) => `User's CMEK key has been scheduled for deletion. CMEK Key: ${key}`,
  };

/** What a check may conclude from an error; whatever it is, the key is not good. */
export function verdictOf(thrown: unknown, names: KeyNames): KeyVerdict {
  const error = RpcError.from(thrown);
  if (isTransientKeyError(error)) return unreachable(error.message);
  switch (error.code) {
    case 'FAILED_PRECONDITION':
      return ofPrecondition(error, names);
    case 'INVALID_ARGUMENT':
      return ofArgument(error);
    case 'PERMISSION_DENIED':
    case 'NOT_FOUND':
      return { condition: 'REVOKED', cause: 'denied', message: deniedMessage(names.member) };
    case 'RESOURCE_EXHAUSTED':
      return { condition: 'THROTTLED', message: quotaMessage(names.key) };
    default:
      return unreachable(error.message);
  }
}

/** Codes that say what they say whoever was asking; the others may be about the asker's own data. */
const plainCodes: ReadonlySet<StatusCode> = new Set([
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'ABORTED',
]);

/**
 * What the error of a real use says of the key beyond doubt; null where it may be about what was
 * used with it: a wrapped DEK that was changed, or is not there, is no revocation.
 */
export function reportedVerdict(thrown: unknown, names: KeyNames): KeyVerdict | null {
  if (!(thrown instanceof RpcError)) return null;
  const isInternal = thrown.code === 'INTERNAL' && thrown.reason !== 'INTERNAL';
  const isPlain = plainCodes.has(thrown.code) || isInternal || isTransientKeyError(thrown);
  const isPrecondition = thrown.code === 'FAILED_PRECONDITION' && violationsOf(thrown).length > 0;
  const isStated = thrown.code === 'FAILED_PRECONDITION' && stateText.test(thrown.message);
  return isPlain || isPrecondition || isStated ? verdictOf(thrown, names) : null;
}

export function deniedMessage(member: string): string {
  const account = member.replace(/^serviceAccount:/, '');
  return (
    "User's service account does not have CMEK decrypter permission. " +
    `Service account: ${account}`
  );
}

function quotaMessage(key: string): string {
  return `User's KMS operation quota has been exceeded. CMEK key: ${key}`;
}

/** No word of the key's owner: nothing starts, and no clock does. */
export function unreachable(message: string): KeyVerdict {
  return { condition: 'UNREACHABLE', message };
}

function ofPrecondition(error: RpcError, { key }: KeyNames): KeyVerdict {
  const violations = violationsOf(error);
  const version = versionOf(error, violations);
  // The second violation is an external manager's; the first only repeats the version's state.
  if (violations.length > 1) return revoked('external', error.message, version);
  const state = violations[0]?.type.replace(/^KEY_/, '') ?? '';
  const cause = ofStates.get(state) ?? ofStates.get(stateText.exec(error.message)?.[1] ?? '');
  if (cause !== undefined) return revoked(cause, messageOf(cause, key), version);
  // A version that is being made, a key of another purpose, a project whose agent nobody knows.
  return unreachable(error.message);
}

/** An external manager that cannot unwrap its own blob said no; else the question was wrong. */
function ofArgument(error: RpcError): KeyVerdict {
  if (error.reason === 'DECRYPTION_FAILED') return revoked('external', error.message, undefined);
  return unreachable(error.message);
}

function revoked(cause: RevocationCause, message: string, version: string | undefined): KeyVerdict {
  return { condition: 'REVOKED', cause, message, ...(version !== undefined && { version }) };
}

function messageOf(cause: RevocationCause, key: string): string {
  return cause === 'destroyed' || cause === 'scheduled'
    ? messages[cause](key)
    : messages.disabled(key);
}

function violationsOf(error: RpcError): readonly Violation[] {
  for (const detail of error.details) {
    if (detail['@type'] === 'type.googleapis.com/google.rpc.PreconditionFailure') {
      return detail.violations;
    }
  }
  return [];
}

function versionOf(error: RpcError, violations: readonly Violation[]): string | undefined {
  const named = violations[0]?.subject ?? error.message;
  return versionText.exec(named)?.[0];
}
