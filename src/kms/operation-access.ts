import type { KeyOperation } from './audit/key-operation.ts';
import { type GrantTarget, isGranted, targetOf } from './iam/grants.ts';
import { operatorMember, serviceMember } from './iam/key-access.ts';
import { permissionError } from './kms-error.ts';
import type { KmsContext } from './kms-context.ts';
import { type KmsName, parseKmsName, projectOfResource } from './names.ts';
import { projectIdOf } from './projects.ts';
import { reservedKeyName, reservedProject } from './reserved-project.ts';

const usePrefix = 'cloudkms.cryptoKeyVersions.useTo';

type Asked = Pick<KeyOperation, 'resource' | 'permission' | 'caller'>;

/**
 * Lets a call pass if its caller may make it. Without authentication the operator may do everything
 * but reach the service's own key, which serves the service alone.
 *
 * @throws RpcError PERMISSION_DENIED, whether the resource exists or not
 */
export async function requireAccess(context: KmsContext, asked: Asked): Promise<void> {
  const name = parseKmsName(asked.resource);
  if (await mayPass(context, asked, name)) return;
  const isUse = asked.permission.startsWith(usePrefix);
  throw permissionError(asked.permission, (isUse && name?.cryptoKey) || asked.resource);
}

async function mayPass(
  context: KmsContext,
  { resource, permission, caller: { member } }: Asked,
  name: KmsName | null,
): Promise<boolean> {
  const project = projectOfResource(resource);
  if (project === reservedProject) {
    const isUse = permission.startsWith(usePrefix);
    return isUse && member === serviceMember && name?.cryptoKey === reservedKeyName;
  }
  if (member === serviceMember) return false;
  if (member === operatorMember) return true;
  if (project === null) return false;
  const target = name ? await targetOf(context, name) : await locationTarget(context, resource);
  return await isGranted(context, target, permission, member);
}

/** What is asked of a location stands on its project's policy alone. */
async function locationTarget(context: KmsContext, resource: string): Promise<GrantTarget> {
  const projectId = await projectIdOf(context, projectOfResource(resource) ?? '');
  return {
    name: resource,
    type: 'cloudkms.googleapis.com/Location',
    policies: [`projects/${projectId}`],
  };
}
