import { argumentError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { isProjectId, parseKmsName } from '../names.ts';
import { knownProjectId } from '../projects.ts';
import { refuseReserved, reservedProject, reservedProjectError } from '../reserved-project.ts';
import { cryptoKeyTable, keyRingTable, projectTable } from '../rows/records.ts';
import { requireCryptoKey, requireKeyRing } from '../rows/stored-keys.ts';
import { type GrantTarget, targetOf } from './grants.ts';

type Verb = 'getIamPolicy' | 'setIamPolicy';

/** Something that a policy stands on. */
export interface PolicyResource {
  readonly kind: 'Project' | 'KeyRing' | 'CryptoKey';
  /** Where the policy is stored: the resource's name, a project's by id. */
  readonly id: string;
  /** Its other name, under which keys may be known: `projects/NUMBER`. */
  readonly alias?: string;
  readonly target: GrantTarget;
  /** Whether it is there. Every project is. */
  readonly exists: () => Promise<boolean>;
  /** @throws RpcError NOT_FOUND */
  readonly require: () => Promise<void>;
}

const projectPattern = /^projects\/([^/]+)$/;

/**
 * What `resource` names: `projects/P` by id or number, a key ring or a key.
 *
 * @throws RpcError INVALID_ARGUMENT for any other name, PERMISSION_DENIED for the service's own,
 * NOT_FOUND for a project number that was never given out
 */
export async function policyResource(
  context: KmsContext,
  resource: string,
  verb: Verb,
): Promise<PolicyResource> {
  const project = projectPattern.exec(resource)?.[1];
  if (project !== undefined) return await projectResource(context, project);
  const name = parseKmsName(resource);
  if (name === null || name.kind === 'CryptoKeyVersion') {
    throw argumentError('resource', 'Request field resource must name a project, ring or key.');
  }
  const isRing = name.kind === 'KeyRing';
  refuseReserved(name.project, `cloudkms.${isRing ? 'keyRings' : 'cryptoKeys'}.${verb}`, resource);
  const { rows } = context;
  return {
    kind: isRing ? 'KeyRing' : 'CryptoKey',
    id: resource,
    target: await targetOf(context, name),
    exists: async () => {
      const row = isRing ? rows.get(keyRingTable, resource) : rows.get(cryptoKeyTable, resource);
      return (await row) !== null;
    },
    require: async () => {
      await (isRing ? requireKeyRing(context, resource) : requireCryptoKey(context, resource));
    },
  };
}

async function projectResource(context: KmsContext, project: string): Promise<PolicyResource> {
  if (project === reservedProject) throw reservedProjectError();
  if (!isProjectId(project)) {
    throw argumentError('resource', 'Request field resource must name a project, ring or key.');
  }
  const projectId = await knownProjectId(context, project);
  if (projectId === reservedProject) throw reservedProjectError();
  const number = (await context.rows.get(projectTable, projectId))?.record.projectNumber;
  const id = `projects/${projectId}`;
  return {
    kind: 'Project',
    id,
    ...(number !== undefined && { alias: `projects/${number}` }),
    target: { name: id, type: 'cloudresourcemanager.googleapis.com/Project', policies: [id] },
    exists: async () => true,
    require: async () => undefined,
  };
}
