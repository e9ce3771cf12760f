import {
  accountsListed,
  accountsSeen,
  adminPermissions,
  adminRoles,
  logsViewed,
  projectsViewed,
  resourcePoliciesRead,
  resourcePoliciesSet,
} from './admin-roles.ts';
import {
  kmsAdministered,
  kmsEdited,
  kmsListed,
  kmsOperated,
  kmsPoliciesRead,
  kmsPoliciesSet,
  kmsRoles,
  kmsViewed,
} from './kms-roles.ts';
import {
  pubsubAdministered,
  pubsubEdited,
  pubsubListed,
  pubsubPoliciesRead,
  pubsubPoliciesSet,
  pubsubRoles,
  pubsubViewed,
} from './pubsub-roles.ts';
import type { RoleTable } from './role-table.ts';
import {
  runAdministered,
  runDeveloped,
  runListed,
  runPoliciesRead,
  runPoliciesSet,
  runRoles,
  runViewed,
  usageAdministered,
  usageViewed,
} from './run-roles.ts';
import { sealpostPermissions, sealpostRoles } from './sealpost-roles.ts';

const policiesRead = [
  ...kmsPoliciesRead,
  ...pubsubPoliciesRead,
  ...runPoliciesRead,
  ...resourcePoliciesRead,
];
const policiesSet = [
  ...kmsPoliciesSet,
  ...pubsubPoliciesSet,
  ...runPoliciesSet,
  ...resourcePoliciesSet,
];
const listed = [...kmsListed, ...pubsubListed, ...runListed, ...accountsListed, ...projectsViewed];
const viewed = [
  ...kmsViewed,
  ...pubsubViewed,
  ...runViewed,
  ...usageViewed,
  ...accountsSeen,
  ...projectsViewed,
  ...logsViewed,
  ...policiesRead,
];
const edited = [
  ...viewed,
  ...kmsEdited,
  ...pubsubEdited,
  ...runDeveloped,
  ...usageAdministered,
  'iam.serviceAccounts.actAs',
];

/** Basic roles, and those that are about policies alone. */
const basicRoles: RoleTable = {
  'roles/owner': [
    ...edited,
    ...kmsAdministered,
    ...kmsOperated,
    ...pubsubAdministered,
    ...runAdministered,
    ...adminPermissions,
    'cloudkms.protectedResources.search',
  ],
  'roles/editor': edited,
  'roles/viewer': viewed,
  'roles/browser': [...projectsViewed, ...resourcePoliciesRead],
  'roles/iam.securityAdmin': [...listed, ...policiesRead, ...policiesSet],
  'roles/iam.securityReviewer': [...listed, ...policiesRead],
};

/**
 * Google's predefined roles with the permissions of the APIs that are served here, and ours. Any
 * other role, a custom one too, is stored and grants nothing.
 */
export const roleTables: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    ...basicRoles,
    ...adminRoles,
    ...kmsRoles,
    ...pubsubRoles,
    ...runRoles,
    ...sealpostRoles,
  }).map(([role, permissions]) => [role, new Set(permissions)]),
);

/** Every permission that some role holds. */
export const knownPermissions: ReadonlySet<string> = new Set([
  ...sealpostPermissions,
  ...[...roleTables.values()].flatMap((permissions) => [...permissions]),
]);

/** The names of those roles, sorted. */
export function knownRoles(): string[] {
  return [...roleTables.keys()].toSorted();
}

/** Whether the permissions of `role` are known here; if not, it grants nothing. */
export function isKnownRole(role: string): boolean {
  return roleTables.has(role);
}

export function roleGrants(role: string, permission: string): boolean {
  return roleTables.get(role)?.has(permission) ?? false;
}
