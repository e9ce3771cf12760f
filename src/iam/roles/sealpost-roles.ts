import { permissions, type RoleTable } from './role-table.ts';

const read = [
  'cloudkms.protectedResources.search',
  'sealpost.audit.get',
  'sealpost.metrics.get',
  'sealpost.rewraps.get',
  'sealpost.rootKey.get',
  'sealpost.server.get',
  'sealpost.vault.get',
  'sealpost.verifications.get',
];

/** Everything about the server itself: what is asked on `organizations/sealpost`. */
export const sealpostPermissions: readonly string[] = [
  ...read,
  /** Accounts that have rights on the whole server: to make them, and keys for them. */
  'sealpost.accounts.administer',
  'sealpost.accounts.administer',
  'sealpost.audit.verify',
  'sealpost.keyWatch.report',
  'sealpost.keyWatch.watch',
  'sealpost.rewraps.create',
  'sealpost.rootKey.reseal',
  'sealpost.server.backup',
  'sealpost.serviceAgents.actAs',
  ...permissions('sealpost.vault')('collect', 'import', 'rewrap', 'verify'),
  ...permissions('sealpost.verifications')('create', 'cancel'),
];

/** Roles for the server's own upkeep, granted on `organizations/sealpost`. */
export const sealpostRoles: RoleTable = {
  'roles/sealpost.admin': sealpostPermissions,
  'roles/sealpost.viewer': read,
  /** Of a broker in another process: it uses keys as its service agents, and watches them. */
  'roles/sealpost.remoteBroker': [
    'sealpost.keyWatch.report',
    'sealpost.keyWatch.watch',
    'sealpost.serviceAgents.actAs',
    'resourcemanager.projects.get',
  ],
};
