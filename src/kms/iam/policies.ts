import {
  etagOf,
  policyRecordOf,
  requireEtag,
  requireNoLostConditions,
  requirePolicyVersion,
  shownBindings,
  versionOf,
  voidReason,
  type Binding,
  type IamPolicy,
  type NewIamPolicy,
  type PolicyRecord,
} from '../../iam/index.ts';
import { argumentError, contentionError } from '../kms-error.ts';
import type { KeyChange } from '../key-service.ts';
import type { KmsContext } from '../kms-context.ts';
import { policyTable } from '../rows/records.ts';
import { type RowWrite, rowWrite } from '../rows/sealed-rows.ts';
import { isGranted } from './grants.ts';
import { operatorMember } from './key-access.ts';
import { policyResource, type PolicyResource } from './policy-resource.ts';

/** Makes rows durable and tells the listeners; false if one was at another version. */
export type CommitPolicy = (writes: readonly RowWrite[], change: KeyChange) => Promise<boolean>;

const attemptsMax = 10;
/** What IAM takes at once; each is looked up on the resource and above it. */
const permissionsMax = 100;
const permissionPattern = /^[a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)+$/;

/**
 * The policy of a resource, as a policy of `requestedVersion` shows it: conditions are
 * in it only for 3.
 *
 * @throws RpcError NOT_FOUND, INVALID_ARGUMENT, PERMISSION_DENIED
 */
export async function readPolicy(
  context: KmsContext,
  resource: string,
  requestedVersion: number = 0,
): Promise<IamPolicy> {
  requirePolicyVersion(requestedVersion, 'options.requested_policy_version');
  const found = await policyResource(context, resource, 'getIamPolicy');
  await found.require();
  const { version, record } = await storedPolicy(context, found);
  return policyOf(record, version, requestedVersion);
}

interface StoredPolicy {
  /** The row's version, to be named by the next write; 0: there is none. */
  readonly rowVersion: number;
  /** What the etag tells: 0 for a resource whose policy nobody has set yet. */
  readonly version: number;
  /** Absent, too, if the row is of an earlier resource of the same name. */
  readonly record?: PolicyRecord;
}

async function storedPolicy(
  { rows }: KmsContext,
  { id, uid }: PolicyResource,
): Promise<StoredPolicy> {
  const row = await rows.get(policyTable, id);
  if (row === null) return { rowVersion: 0, version: 0 };
  const { version, record } = row;
  if (record.uid !== uid) return { rowVersion: version, version: 0 };
  return { rowVersion: version, version, record };
}

/**
 * Replaces the policy of a resource. Listeners hear of it before this resolves.
 *
 * @throws RpcError ABORTED if `policy.etag` is not the current one; NOT_FOUND, INVALID_ARGUMENT,
 * PERMISSION_DENIED
 */
export async function writePolicy(
  context: KmsContext,
  resource: string,
  policy: NewIamPolicy,
  commit: CommitPolicy,
): Promise<IamPolicy> {
  const found = await policyResource(context, resource, 'setIamPolicy');
  await found.require();
  const record: PolicyRecord = {
    ...policyRecordOf(policy),
    ...(found.uid !== undefined && { uid: found.uid }),
  };
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const stored = await storedPolicy(context, found);
    const { rowVersion } = stored;
    if (policy.etag !== undefined) requireEtag(policy.etag, stored.version);
    if (stored.record !== undefined) requireNoLostConditions(policy, stored.record);
    const write = rowWrite(policyTable, { id: found.id, version: rowVersion }, record);
    if (!(await commitAndTell(context, found, write, commit))) continue;
    context.policies.put(found.id, rowVersion + 1, record);
    warnOfVoid(context, found.id, record.bindings);
    return policyOf(record, rowVersion + 1, policy.version ?? 0);
  }
  throw contentionError(resource);
}

/** A project's keys may be known by its number too: whoever listens hears of both names. */
async function commitAndTell(
  { changes, policies }: KmsContext,
  { id, alias }: PolicyResource,
  write: RowWrite,
  commit: CommitPolicy,
): Promise<boolean> {
  let mayHaveLanded = true;
  try {
    mayHaveLanded = await commit([write], { resource: id, kind: 'iam' });
    return mayHaveLanded;
  } catch (error) {
    await policies.reread(id);
    throw error;
  } finally {
    if (mayHaveLanded && alias !== undefined) changes.announce({ resource: alias, kind: 'iam' });
  }
}

function warnOfVoid({ log }: KmsContext, resource: string, bindings: readonly Binding[]): void {
  for (const binding of bindings) {
    const why = voidReason(binding);
    if (why === null) continue;
    const fields = { resource, role: binding.role, condition: binding.condition?.title, why };
    log.warn(fields, 'an IAM binding was stored that grants nothing');
  }
}

/**
 * Which of `permissions` the member has on the resource; none where nothing is. The operator of an
 * API without authentication has all.
 *
 * @throws RpcError INVALID_ARGUMENT for what is no permission's name, wildcards too
 */
export async function testPermissions(
  context: KmsContext,
  resource: string,
  permissions: readonly string[],
  member: string,
): Promise<readonly string[]> {
  const { target, exists } = await policyResource(context, resource, 'getIamPolicy');
  requirePermissions(permissions);
  if (!(await exists())) return [];
  if (member === operatorMember) return permissions;
  const answers = await Promise.all(
    permissions.map((permission) => isGranted(context, target, permission, member)),
  );
  return permissions.filter((_, at) => answers[at]);
}

function requirePermissions(permissions: readonly string[]): void {
  if (permissions.length > permissionsMax) {
    const message = `Request field permissions must have at most ${permissionsMax} entries.`;
    throw argumentError('permissions', message);
  }
  permissions.forEach(requirePermission);
}

function requirePermission(permission: string): void {
  if (permissionPattern.test(permission)) return;
  const message = `Permission ${permission.slice(0, 128)} is not valid for this resource.`;
  throw argumentError('permissions', message);
}

function policyOf(
  record: PolicyRecord | undefined,
  rowVersion: number,
  requestedVersion: number,
): IamPolicy {
  const bindings = record?.bindings ?? [];
  const version = requestedVersion === 3 ? versionOf(bindings) : 1;
  return {
    version,
    etag: etagOf(rowVersion),
    bindings: shownBindings(bindings, version),
  };
}
