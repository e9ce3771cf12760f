import type { AuditValue } from '../../audit/index.ts';
import {
  encrypterDecrypterRole,
  permissionOfMethod,
  type Binding,
  type IamPolicy,
  type NewIamPolicy,
} from '../../iam/index.ts';
import { audited } from '../audit/audited.ts';
import type { KeyCaller } from '../key-service.ts';
import { type KmsContext, observed } from '../kms-context.ts';
import type { KmsName } from '../names.ts';
import { isGranted, targetOf } from './grants.ts';
import { readPolicy, testPermissions, writePolicy } from './policies.ts';

const uses = ['Encrypt', 'Decrypt'].map((method) => permissionOfMethod(method)!);

/** See readPolicy. */
export function getIamPolicy(
  context: KmsContext,
  resource: string,
  caller: KeyCaller,
  requestedVersion?: number,
): Promise<IamPolicy> {
  const operation = 'GetIamPolicy';
  const permission = permissionOfMethod(operation, resource)!;
  const call = { operation, resource, permission, caller, request: { resource } };
  return audited(context, { ...call, kind: 'data_access' }, () =>
    readPolicy(context, resource, requestedVersion),
  );
}

/** See writePolicy. */
export function setIamPolicy(
  context: KmsContext,
  resource: string,
  policy: NewIamPolicy,
  caller: KeyCaller,
): Promise<IamPolicy> {
  return auditedWrite(context, resource, policy, caller, 'activity');
}

/** See testPermissions. It asks for no permission and leaves no entry, as Google's. */
export function testIamPermissions(
  context: KmsContext,
  resource: string,
  permissions: readonly string[],
  caller: KeyCaller,
): Promise<readonly string[]> {
  return observed(context, 'TestIamPermissions', () =>
    testPermissions(context, resource, permissions, caller.member),
  );
}

/**
 * Adds the role to encrypt and decrypt to the key's own policy for a member that lacks it. False if
 * it lacked nothing.
 *
 * @throws RpcError NOT_FOUND if the key does not exist, PERMISSION_DENIED for the service's own,
 * ABORTED if the policy was changed in between
 */
export async function grantKeyUse(
  context: KmsContext,
  key: KmsName & { readonly cryptoKey: string },
  member: string,
  caller: KeyCaller,
): Promise<boolean> {
  const target = await targetOf(context, key);
  const had = await Promise.all(
    uses.map((permission) => isGranted(context, target, permission, member)),
  );
  if (had.every(Boolean)) return false;
  const { etag, bindings } = await readPolicy(context, key.cryptoKey, 3);
  const added = { role: encrypterDecrypterRole, members: [member] };
  const policy = { version: 3, etag, bindings: [...bindings, added] };
  await auditedWrite(context, key.cryptoKey, policy, caller, 'system_event');
  return true;
}

function auditedWrite(
  context: KmsContext,
  resource: string,
  policy: NewIamPolicy,
  caller: KeyCaller,
  kind: 'activity' | 'system_event',
): Promise<IamPolicy> {
  const operation = 'SetIamPolicy';
  const permission = permissionOfMethod(operation, resource)!;
  const request = { resource, policy: recordedPolicy(policy) };
  const call = { operation, resource, permission, caller, kind, request };
  return audited(context, call, (trail) =>
    writePolicy(context, resource, policy, (writes, change) => trail.commit(writes, { change })),
  );
}

function recordedPolicy({ version, etag, bindings }: NewIamPolicy): AuditValue {
  return {
    ...(version !== undefined && { version }),
    ...(etag !== undefined && { etag }),
    bindings: bindings.map(recordedBinding),
  };
}

function recordedBinding({ role, members, condition }: Binding): AuditValue {
  return { role, members, ...(condition !== undefined && { condition: { ...condition } }) };
}
