import { resourceOf, serverResource } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';
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
  /** Where the policy is stored: the resource's name, a project's by id. */
  readonly id: string;
  /** Its other name, under which keys may be known: `projects/NUMBER`. */
  readonly alias?: string;
  /** Which creation of it there is now, where names are given again. */
  readonly uid?: string;
  readonly target: GrantTarget;
  /** Whether it is there. Every project is. */
  readonly exists: () => Promise<boolean>;
  /** @throws RpcError NOT_FOUND */
  readonly require: () => Promise<void>;
}

const projectPattern = /^projects\/([^/]+)$/;

/**
 * What `resource` names: `projects/P` by id or number, a key ring or a key, `organizations/sealpost`,
 * a topic, subscription, snapshot or schema.
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
  if (name === null) return namedResource(context, resource);
  if (name.kind === 'CryptoKeyVersion') throw nameError();
  const isRing = name.kind === 'KeyRing';
  refuseReserved(name.project, `cloudkms.${isRing ? 'keyRings' : 'cryptoKeys'}.${verb}`, resource);
  const { rows } = context;
  return {
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
  if (!isProjectId(project)) throw nameError();
  const projectId = await knownProjectId(context, project);
  if (projectId === reservedProject) throw reservedProjectError();
  const number = (await context.rows.get(projectTable, projectId))?.record.projectNumber;
  const id = `projects/${projectId}`;
  return {
    id,
    ...(number !== undefined && { alias: `projects/${number}` }),
    target: { name: id, type: 'cloudresourcemanager.googleapis.com/Project', policies: [id] },
    exists: async () => true,
    require: async () => undefined,
  };
}

/** Collections beside keys whose members have policies. */
const collections: ReadonlySet<string> = new Set([
  'pubsub.topics',
  'pubsub.subscriptions',
  'pubsub.snapshots',
  'pubsub.schemas',
]);

/** The server, or something that the directory knows. */
function namedResource({ policies, directory }: KmsContext, resource: string): PolicyResource {
  const found = resourceOf(resource, (project) => policies.projectIdOf(project));
  const isServer = resource === serverResource;
  if (!isServer && (!collections.has(found.collection) || found.name !== resource)) {
    throw nameError();
  }
  const uid = directory.uidOf(resource);
  return {
    id: resource,
    ...(uid !== undefined && { uid }),
    target: found,
    exists: async () => isServer || uid !== undefined,
    require: async () => {
      if (!isServer && uid === undefined) throw missingError(resource);
    },
  };
}

function nameError(): RpcError {
  const text = 'Request field resource must name a project, or a resource that has a policy.';
  return argumentError('resource', text);
}

/** As Pub/Sub says it: by the last part of the name. */
function missingError(resource: string): RpcError {
  const text = `Resource not found (resource=${resource.split('/').at(-1) ?? ''}).`;
  return new RpcError('NOT_FOUND', 'RESOURCE_NOT_FOUND', text);
}
