import { nearestName } from '../../rpc/index.ts';
import { usageError } from '../command/command-error.ts';

/** The roles that there are, by what is before their dot; a test compares them with the server's. */
const names: Readonly<Record<string, string>> = {
  '': 'browser editor owner viewer',
  cloudkms:
    'admin cryptoKeyDecrypter cryptoKeyEncrypter cryptoKeyEncrypterDecrypter cryptoOperator importer protectedResourcesViewer publicKeyViewer signer signerVerifier verifier viewer',
  iam: 'dataScientist devOps securityAdmin securityReviewer serviceAccountAdmin serviceAccountCreator serviceAccountDeleter serviceAccountKeyAdmin serviceAccountTokenCreator serviceAccountUser serviceAccountViewer',
  logging: 'admin configWriter logWriter privateLogViewer viewer',
  pubsub: 'admin editor publisher subscriber viewer',
  resourcemanager: 'organizationAdmin organizationViewer projectIamAdmin',
  run: 'admin developer invoker servicesInvoker sourceDeveloper sourceViewer viewer',
  sealpost: 'admin remoteBroker viewer',
  serviceusage: 'serviceUsageAdmin serviceUsageConsumer serviceUsageViewer',
};

export const roleNames: readonly string[] = Object.entries(names).flatMap(([service, words]) =>
  words.split(' ').map((word) => (service === '' ? `roles/${word}` : `roles/${service}.${word}`)),
);

/** Throws a usage error for a role that there is not: a policy would take it, and grant nothing. */
export function requireRoles(roles: readonly string[]): void {
  for (const role of roles) {
    if (roleNames.includes(role)) continue;
    const meant = nearestName(role, roleNames);
    const guess =
      meant === undefined ? 'docs/permissions.md lists them.' : `Did you mean ${meant}?`;
    throw usageError(`There is no role "${role}".`, guess);
  }
}

/** Whether a role is about the server itself, and says nothing in a policy of a project. */
export const isServerRole = (role: string): boolean => role.startsWith('roles/sealpost.');
