import { permissions, type RoleTable } from './role-table.ts';

const services = permissions('run.services');
const revisions = permissions('run.revisions');
const configurations = permissions('run.configurations');
const routes = permissions('run.routes');
const locations = permissions('run.locations');
const usage = permissions('serviceusage.services');

export const runPoliciesRead: readonly string[] = services('getIamPolicy');
export const runPoliciesSet: readonly string[] = services('setIamPolicy');

/** The names that a list shows. */
export const runListed: readonly string[] = [
  ...services('list'),
  ...revisions('list'),
  ...configurations('list'),
  ...routes('list'),
  ...locations('list'),
];

export const runViewed: readonly string[] = [
  ...runListed,
  ...runPoliciesRead,
  ...services('get'),
  ...revisions('get'),
  ...configurations('get'),
  ...routes('get'),
];

export const runDeveloped: readonly string[] = [
  ...runViewed,
  ...services('create', 'delete', 'update'),
  ...revisions('delete'),
];

const invoked = routes('invoke');

export const runAdministered: readonly string[] = [...runDeveloped, ...runPoliciesSet, ...invoked];

export const usageViewed: readonly string[] = usage('get', 'list');
export const usageAdministered: readonly string[] = [...usageViewed, ...usage('disable', 'enable')];

/** Cloud Run's predefined roles (cloud.google.com/run/docs/reference/iam/roles). */
export const runRoles: RoleTable = {
  'roles/run.admin': runAdministered,
  'roles/run.developer': runDeveloped,
  'roles/run.sourceDeveloper': runDeveloped,
  'roles/run.viewer': runViewed,
  'roles/run.sourceViewer': runViewed,
  'roles/run.invoker': invoked,
  'roles/run.servicesInvoker': invoked,
  'roles/serviceusage.serviceUsageViewer': usageViewed,
  'roles/serviceusage.serviceUsageConsumer': usageViewed,
  'roles/serviceusage.serviceUsageAdmin': usageAdministered,
};
