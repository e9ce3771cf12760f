/**
 * iam: roles, permissions and the one table of who may call what.
 *
 * Knows no wire and no store: policies come to it through ports, and it decides in memory.
 */
export type { AccessRule, Demand, FieldOf } from './access-rule.ts';
export type { Authorizer } from './authorizer.ts';
export { operator, type Principal } from './principal.ts';
