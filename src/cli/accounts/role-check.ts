import { nearestName } from '../../rpc/index.ts';
import { usageError } from '../command/command-error.ts';
import { textIn, type Json, type RestApi } from '../connection/rest-api.ts';

/** Throws a usage error for a role that there is not: a policy would take it, and grant nothing. */
export async function requireRoles(api: RestApi, roles: readonly string[]): Promise<void> {
  if (roles.length === 0) return;
  const { roles: listed = [] } = (await api.get('roles')) as { readonly roles?: readonly Json[] };
  const known = listed.map((role) => textIn(role, 'name'));
  for (const role of roles) {
    if (known.includes(role)) continue;
    const meant = nearestName(role, known);
    const guess =
      meant === undefined ? 'docs/permissions.md lists them.' : `Did you mean ${meant}?`;
    throw usageError(`There is no role "${role}".`, guess);
  }
}

/** Whether a role is about the server itself, and says nothing in a policy of a project. */
export const isServerRole = (role: string): boolean => role.startsWith('roles/sealpost.');
