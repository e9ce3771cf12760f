import { permissions, type RoleTable } from './role-table.ts';

const accounts = permissions('iam.serviceAccounts');
const accountKeys = permissions('iam.serviceAccountKeys');
const apiKeys = permissions('iam.serviceAccountApiKeys');
const projects = permissions('resourcemanager.projects');
const organizations = permissions('resourcemanager.organizations');
const entries = permissions('logging.logEntries');
const logs = permissions('logging.logs');

const accountsViewed = accounts('get', 'list');
const keysViewed = [...accountKeys('get', 'list'), ...apiKeys('get', 'list')];

export const accountsListed: readonly string[] = [
  ...accounts('list'),
  ...accountKeys('list'),
  ...apiKeys('list'),
];
export const accountsSeen: readonly string[] = [...accountsViewed, ...keysViewed];

const accountsAdministered = [
  ...accountsViewed,
  ...accounts('create', 'delete', 'disable', 'enable', 'update'),
];
const keysAdministered = [
  ...keysViewed,
  ...accountKeys('create', 'delete', 'disable', 'enable', 'upload'),
  ...apiKeys('create', 'delete'),
];

export const projectsViewed: readonly string[] = projects('get', 'list');
export const resourcePoliciesRead: readonly string[] = [
  ...projects('getIamPolicy'),
  ...organizations('getIamPolicy'),
];
export const resourcePoliciesSet: readonly string[] = [
  ...projects('setIamPolicy'),
  ...organizations('setIamPolicy'),
];

export const logsViewed: readonly string[] = [...entries('list'), ...logs('list')];
const privateLogs = ['logging.privateLogEntries.list'];
export const logsAdministered: readonly string[] = [
  ...logsViewed,
  ...privateLogs,
  ...entries('create'),
  ...logs('delete'),
];

/** Accounts, projects and logs as their administrators have them. */
export const adminPermissions: readonly string[] = [
  ...accountsAdministered,
  ...accounts('actAs'),
  ...keysAdministered,
  ...projectsViewed,
  ...organizations('get'),
  ...resourcePoliciesRead,
  ...resourcePoliciesSet,
  ...logsAdministered,
];

/** Predefined roles of IAM, Resource Manager and Cloud Logging. */
export const adminRoles: RoleTable = {
  'roles/iam.serviceAccountAdmin': accountsAdministered,
  'roles/iam.serviceAccountCreator': accounts('create', 'get', 'list'),
  'roles/iam.serviceAccountDeleter': accounts('delete', 'get', 'list'),
  'roles/iam.serviceAccountKeyAdmin': [...accountsViewed, ...keysAdministered],
  'roles/iam.serviceAccountViewer': [...accountsViewed, ...keysViewed],
  'roles/iam.serviceAccountUser': [...accountsViewed, ...accounts('actAs')],
  'roles/iam.serviceAccountTokenCreator': [
    ...accountsViewed,
    ...accounts('getAccessToken', 'getOpenIdToken', 'signBlob', 'signJwt'),
  ],
  'roles/resourcemanager.projectIamAdmin': projects('get', 'getIamPolicy', 'setIamPolicy'),
  'roles/resourcemanager.organizationViewer': organizations('get'),
  'roles/resourcemanager.organizationAdmin': [
    ...projectsViewed,
    ...organizations('get'),
    ...resourcePoliciesRead,
    ...resourcePoliciesSet,
  ],
  'roles/logging.viewer': logsViewed,
  'roles/logging.privateLogViewer': [...logsViewed, ...privateLogs],
  'roles/logging.configWriter': logs('list'),
  'roles/logging.logWriter': entries('create'),
  'roles/logging.admin': logsAdministered,
};
