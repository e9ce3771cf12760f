import { createHash } from 'node:crypto';
import { RpcError } from '../rpc/index.ts';
import { fieldError } from './iam-error.ts';
import type { Binding, PolicyRecord } from './policy.ts';

const versions: readonly number[] = [0, 1, 3];
/** The etag of the empty policy that nobody has set yet. */
const emptyEtag = 'ACAB';
/** Where IAM's own errors about versions send their reader. */
const versionHint =
  'For more information, please refer to https://cloud.google.com/iam/docs/policies#versions.';

/** What stands between a role and the hash of a condition that a version 1 policy cannot show. */
export const hiddenConditionMark = '_withcond_';
const hiddenConditionDigits = 20;

/** Base64 of 0x07 and the row's version in 7 bytes: another one after each write. */
export function etagOf(rowVersion: number): string {
  if (rowVersion === 0) return emptyEtag;
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(rowVersion));
  bytes[0] = 0x07;
  return bytes.toString('base64');
}

/** @throws RpcError ABORTED, with IAM's own sentence, if `given` names another state. */
export function requireEtag(given: string, rowVersion: number): void {
  const current = etagOf(rowVersion);
  if (Buffer.from(given, 'base64').toString('base64') === current) return;
  throw new RpcError(
    'ABORTED',
    'ETAG_MISMATCH',
    'There were concurrent policy changes. Please retry the whole read-modify-write with ' +
      `exponential backoff. The request's ETag '${given.slice(0, 64)}' did not match the current ` +
      `policy's ETag '${current}'.`,
  );
}

/** @throws RpcError INVALID_ARGUMENT for a version that no policy has */
export function requirePolicyVersion(version: number, field: string): void {
  if (versions.includes(version)) return;
  throw fieldError(field, `Invalid policy version: ${version}.`);
}

/** The lowest version that shows these bindings whole. */
export function versionOf(bindings: readonly Binding[]): number {
  return bindings.some(({ condition }) => condition !== undefined) ? 3 : 1;
}

/**
 * Bindings as a policy of that version shows them. Below 3, conditions stay hidden, and the roles
 * that have one say so by `_withcond_` and a hash (cloud.google.com/iam/docs/troubleshooting-withcond).
 */
export function shownBindings(bindings: readonly Binding[], version: number): readonly Binding[] {
  if (version === 3) return bindings;
  return bindings.map(({ role, members, condition }) =>
    condition === undefined ? { role, members } : { role: role + hashOf(condition), members },
  );
}

function hashOf(condition: NonNullable<Binding['condition']>): string {
  const digest = createHash('sha256').update(JSON.stringify(condition)).digest('hex');
  return hiddenConditionMark + digest.slice(0, hiddenConditionDigits);
}

/** @throws RpcError INVALID_ARGUMENT if a policy of that version has no room for conditions */
export function requireRoomForConditions(version: number): void {
  if (version === 3) return;
  const message = `Specified policy version (${version}) cannot hold conditional role bindings. ${versionHint}`;
  throw fieldError('policy.version', message);
}

/**
 * A policy with conditions that was read and is written back must still be of version 3: without
 * its conditions it would grant to those whom they keep out. Who gives no etag overwrites blindly.
 *
 * @throws RpcError INVALID_ARGUMENT, with IAM's own sentence
 */
export function requireNoLostConditions(
  given: { readonly version?: number; readonly etag?: string },
  stored: PolicyRecord,
): void {
  const existing = versionOf(stored.bindings);
  const version = given.version ?? 0;
  if (given.etag === undefined || existing === 1 || version === 3) return;
  throw fieldError(
    'policy.version',
    `Specified policy version (${version}) cannot be less than the existing policy version ` +
      `(${existing}). ${versionHint}`,
  );
}
