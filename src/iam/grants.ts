import { parseCondition } from './conditions/condition.ts';
import { areAmong } from './members.ts';
import type { Binding } from './policy.ts';
import { isKnownRole, roleGrants } from './roles/roles.ts';

/** What is asked of a policy. */
export interface Question {
  readonly permission: string;
  /** See identitiesOf. */
  readonly identities: ReadonlySet<string>;
  /** What the permission is asked on, which may stand below the policy. */
  readonly resource: { readonly name: string; readonly type: string };
  /** ms since the Unix epoch. */
  readonly timeMs: number;
}

export interface BindingAnswer {
  readonly isGranted: boolean;
  /** Whether a condition was asked whose answer may change as time passes. */
  readonly dependsOnTime: boolean;
}

/** Whether one of the bindings grants what is asked. A condition that fails never holds. */
export function answerOf(bindings: readonly Binding[], question: Question): BindingAnswer {
  const { permission, identities, resource, timeMs } = question;
  const attributes = { resourceName: resource.name, resourceType: resource.type, timeMs };
  let dependsOnTime = false;
  for (const { role, members, condition } of bindings) {
    if (!roleGrants(role, permission) || !areAmong(members, identities)) continue;
    if (condition === undefined) return { isGranted: true, dependsOnTime: false };
    const parsed = parseCondition(condition.expression);
    dependsOnTime ||= parsed?.readsTime === true;
    if (parsed?.holds(attributes) === true) return { isGranted: true, dependsOnTime };
  }
  return { isGranted: false, dependsOnTime };
}

/** Why a binding grants nothing here, whoever asks for what; null if it may grant something. */
export function voidReason({ role, condition }: Binding): string | null {
  if (!isKnownRole(role)) return 'its role is not known here';
  if (condition === undefined || parseCondition(condition.expression) !== null) return null;
  return 'its condition uses more of CEL than is evaluated here';
}
