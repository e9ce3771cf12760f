import type { KmsContext } from '../kms-context.ts';
import type { KmsName } from '../names.ts';
import { projectIdOf } from '../projects.ts';
import { type Binding, policyTable } from '../rows/records.ts';
import { type ConditionAttributes, parseCondition } from './conditions/condition.ts';
import { isAmong } from './members.ts';
import { isKnownRole, roleGrants } from './roles.ts';

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

/** Whether a binding on the target or above it gives `permission` to `member` at this moment. */
export async function isGranted(
  { rows, clock }: KmsContext,
  target: GrantTarget,
  permission: string,
  member: string,
): Promise<boolean> {
  for (const resource of target.policies) {
    const policy = await rows.get(policyTable, resource);
    const attributes = {
      resourceName: target.name,
      resourceType: target.type,
      timeMs: clock.wallMs(),
    };
    const grants = policy?.record.bindings.some(
      (binding) =>
        roleGrants(binding.role, permission) &&
        isAmong(binding.members, member) &&
        holds(binding, attributes),
    );
    if (grants === true) return true;
  }
  return false;
}

/** A condition that cannot be evaluated never holds. */
function holds({ condition }: Binding, attributes: ConditionAttributes): boolean {
  return condition === undefined || parseCondition(condition.expression)?.(attributes) === true;
}

/** Why a binding grants nothing here, whoever asks for what; null if it may grant something. */
export function voidReason({ role, condition }: Binding): string | null {
  if (!isKnownRole(role)) return 'its role is not known here';
  if (condition === undefined || parseCondition(condition.expression) !== null) return null;
  return 'its condition uses more of CEL than is evaluated here';
}
