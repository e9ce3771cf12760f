import { answerOf, identitiesOf } from '../../iam/index.ts';
import type { KmsContext } from '../kms-context.ts';
import type { KmsName } from '../names.ts';
import { projectIdOf } from '../projects.ts';
import { policyTable } from '../rows/records.ts';

/** What a permission is asked for: a ring, a key, or a whole project. */
export interface GrantTarget {
  readonly name: string;
  /** `cloudkms.googleapis.com/CryptoKey`, as conditions name it. */
  readonly type: string;
  /** Those whose policies count: the resource's own and its parents'. */
  readonly policies: readonly string[];
}

/** A key, or a ring where `name` names none: its policies are its own, its ring's, its project's. */
export async function targetOf(context: KmsContext, name: KmsName): Promise<GrantTarget> {
  const project = `projects/${await projectIdOf(context, name.project)}`;
  if (name.cryptoKey === undefined) {
    const type = 'cloudkms.googleapis.com/KeyRing';
    return { name: name.keyRing, type, policies: [name.keyRing, project] };
  }
  return {
    name: name.cryptoKey,
    type: 'cloudkms.googleapis.com/CryptoKey',
    policies: [name.cryptoKey, name.keyRing, project],
  };
}

/**
 * Whether a binding on the target or above it gives `permission` to `member` at this moment. It
 * reads what is stored: what agents may is asked for each use of a key.
 */
export async function isGranted(
  { rows, clock }: KmsContext,
  target: GrantTarget,
  permission: string,
  member: string,
): Promise<boolean> {
  const identities = identitiesOf(member);
  for (const resource of target.policies) {
    const policy = await rows.get(policyTable, resource);
    if (policy === null) continue;
    const question = { permission, identities, resource: target, timeMs: clock.wallMs() };
    if (answerOf(policy.record.bindings, question).isGranted) return true;
  }
  return false;
}
