import { Refusal } from '../connection/refusal.ts';
import type { Json, RestApi } from '../connection/rest-api.ts';

interface Binding {
  readonly role: string;
  readonly members?: readonly string[];
  readonly condition?: unknown;
}

/** Somebody else may change the policy between our read and our write; then its etag is stale. */
const attemptsMax = 5;

/** Gives roles on a project, or on `organizations/sealpost`, to a member who may lack them. */
export async function bindRoles(
  api: RestApi,
  resource: string,
  member: string,
  roles: readonly string[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const options = { requestedPolicyVersion: 3 };
    const policy = await api.post(`${resource}:getIamPolicy`, { options });
    const before = (policy['bindings'] ?? []) as readonly Binding[];
    const bindings = roles.reduce((all, role) => withMember(all, role, member), before);
    if (bindings === before) return;
    try {
      await api.post(`${resource}:setIamPolicy`, { policy: changed(policy, bindings) });
      return;
    } catch (error) {
      const isStale = error instanceof Refusal && error.code === 'ABORTED';
      if (!isStale || attempt >= attemptsMax) throw error;
    }
  }
}

function changed(policy: Json, bindings: readonly Binding[]): Json {
  return { ...policy, version: 3, bindings };
}

/** The same list, if the member has the role without a condition. */
function withMember(
  bindings: readonly Binding[],
  role: string,
  member: string,
): readonly Binding[] {
  const found = bindings.find((each) => each.role === role && each.condition === undefined);
  if (found === undefined) return [...bindings, { role, members: [member] }];
  const members = found.members ?? [];
  if (members.includes(member)) return bindings;
  return bindings.map((each) =>
    each === found ? { ...each, members: [...members, member] } : each,
  );
}
