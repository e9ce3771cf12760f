import { RpcError } from '../../rpc/index.ts';
import { argumentError, unimplementedError } from '../kms-error.ts';
import type { Binding, PolicyRecord } from '../rows/records.ts';

/** A policy as it is read: `etag` names exactly this state of it. */
export interface IamPolicy {
  readonly version: number;
  /** Base64. */
  readonly etag: string;
  readonly bindings: readonly Binding[];
}

export interface NewBinding extends Binding {
  /** Conditions are refused: a condition that were ignored would grant too much. */
  readonly hasCondition: boolean;
}

/** A policy to be set. Without `etag` it overwrites whatever is there. */
export interface NewIamPolicy {
  readonly version?: number;
  readonly etag?: string;
  readonly bindings: readonly NewBinding[];
}

const versions: readonly number[] = [0, 1, 3];
const membersMax = 1500;
const memberLengthMax = 512;
const rolePattern =
  /^(?:roles|(?:projects|organizations)\/[A-Za-z0-9.:_-]{1,100}\/roles)\/[A-Za-z0-9._]{1,100}$/;
const memberPattern =
  /^(?:(?:user|serviceAccount|group|domain|projectOwner|projectEditor|projectViewer|principal|principalSet|deleted):\S+|allUsers|allAuthenticatedUsers)$/;

/** The etag of the empty policy that nobody has set yet. */
const emptyEtag = 'ACAB';

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

/**
 * What is stored of a policy: one binding a role, each member once, empty ones gone.
 *
 * @throws RpcError INVALID_ARGUMENT; UNIMPLEMENTED for a condition
 */
export function policyRecordOf(policy: NewIamPolicy): PolicyRecord {
  const version = policy.version ?? 1;
  if (!versions.includes(version)) {
    throw argumentError('policy.version', `Invalid policy version: ${version}.`);
  }
  const roles = new Map<string, Set<string>>();
  for (const binding of policy.bindings) addBinding(roles, binding);
  requireMemberCount(roles);
  const bindings = [...roles]
    .filter(([, members]) => members.size > 0)
    .map(([role, members]) => ({ role, members: [...members] }));
  return { version: Math.max(1, version), bindings };
}

function addBinding(roles: Map<string, Set<string>>, binding: NewBinding): void {
  if (binding.hasCondition) throw unimplementedError('An IAM binding with a condition');
  if (!rolePattern.test(binding.role)) {
    const role = binding.role.slice(0, 128);
    throw argumentError('policy.bindings.role', `Role ${role} is not supported for this resource.`);
  }
  const members = roles.get(binding.role) ?? new Set();
  for (const member of binding.members) members.add(requireMember(member));
  roles.set(binding.role, members);
}

function requireMember(member: string): string {
  if (member.length <= memberLengthMax && memberPattern.test(member)) return member;
  throw argumentError(
    'policy.bindings.members',
    `The member ${member.slice(0, 128)} is of an unknown type. ` +
      'Please set a valid type prefix for the member.',
  );
}

function requireMemberCount(roles: ReadonlyMap<string, ReadonlySet<string>>): void {
  let count = 0;
  for (const members of roles.values()) count += members.size;
  if (count <= membersMax) return;
  const message = `The policy has ${count} members, more than the limit of ${membersMax}.`;
  throw argumentError('policy.bindings', message);
}
