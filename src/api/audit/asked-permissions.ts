import type { AuthorizationInfo } from '../../audit/index.ts';
import { accessRuleOf, askedOf, type FieldOf } from '../../iam/index.ts';

const nameLengthMax = 1_024;
/** What a call with a thousand names asks is said of the first ones. */
const entriesMax = 20;

/** What a call was asked for, as its audit entry has it: it was let pass, or there were no entry. */
export function askedPermissions(
  rpc: string,
  field: FieldOf,
  topicOf: (subscription: string) => string | undefined = () => undefined,
): AuthorizationInfo[] {
  const demands = accessRuleOf(rpc)?.demands ?? [];
  return demands
    .flatMap((demand) => askedOf(demand, field, { topicOf }))
    .slice(0, entriesMax)
    .map(({ permission, resource }) => ({
      resource: resource.slice(0, nameLengthMax),
      permission,
      granted: true,
    }));
}
