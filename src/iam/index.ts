/**
 * iam: roles, permissions and the one table of who may call what.
 *
 * Knows no wire and no store: policies come to it through ports, and it decides in memory.
 */
export type { AccessRule, Demand, DemandPlace, FieldOf } from './access-rule.ts';
export type { Authorizer } from './authorizer.ts';
export { conditionProblem } from './conditions/condition.ts';
export { askedOf, type AskedPermission } from './demands.ts';
export { answerOf, type BindingAnswer, type Question, voidReason } from './grants.ts';
export {
  type IamPolicy,
  type NewBinding,
  type NewIamPolicy,
  policyRecordOf,
} from './iam-policy.ts';
export {
  canonicalMember,
  identitiesOf,
  isAgentProject,
  pubsubAgentOf,
  runAgentOf,
} from './members.ts';
export { accessRuleOf, accessRules } from './methods/method-table.ts';
export { permissionOfMethod, policyPermission } from './methods/method-permission.ts';
export type { Binding, BindingCondition, PolicyRecord } from './policy.ts';
export { PolicyAuthorizer, type AuthorizerOptions } from './policy-authorizer.ts';
export type { PolicyMembers, PolicySource, ResourceDirectory } from './policy-source.ts';
export {
  etagOf,
  requireEtag,
  requireNoLostConditions,
  requirePolicyVersion,
  shownBindings,
  versionOf,
} from './policy-version.ts';
export { operator, type Principal } from './principal.ts';
export { permissionsPage } from './reference-page.ts';
export { projectOf, type Resource, resourceOf, serverResource } from './resource.ts';
export { encrypterDecrypterRole } from './roles/kms-roles.ts';
export { knownRoles } from './roles/roles.ts';
