import { administerPermission, allAccountRoutes, type Route } from '../api/index.ts';
import type { ServerConfig } from '../config/index.ts';
import {
  type Authorizer,
  canonicalMember,
  operator,
  type PolicyMembers,
  type PolicySource,
  serverResource,
} from '../iam/index.ts';
import type { AccountStore, OpenedAuthenticator } from '../identity/index.ts';
import type { Address } from './address.ts';

export interface AccountApiParts {
  readonly store: AccountStore;
  readonly authenticator: OpenedAuthenticator;
  readonly authorizer: Pick<Authorizer, 'isGranted'>;
  readonly policies: Pick<PolicySource, 'policyOf'> & PolicyMembers;
  readonly address: Address;
}

/** Service accounts, their keys, and the exchange of what they sign. */
export function accountApi(
  { store, authenticator, authorizer, policies, address }: AccountApiParts,
  config: ServerConfig,
): Route[] {
  const admins = new Set(config.admins.map(canonicalMember));
  const hasServerRole = (member: string): boolean =>
    policies
      .policyOf(serverResource)
      ?.bindings.some(({ members }) => members.map(canonicalMember).includes(member)) ?? false;
  return allAccountRoutes({
    store,
    exchange: authenticator.exchange,
    isPrivileged: (member) => {
      const named = canonicalMember(member);
      return admins.has(named) || hasServerRole(named);
    },
    isNamedOutside: (member, project) => policies.namesOutside(member, project),
    mayAdminister: (principal) =>
      principal === operator ||
      authorizer.isGranted(principal, administerPermission, serverResource),
    tokenUri: (host) => tokenUriOf(host, address, config),
  });
}

/** By the name by which we are known to others; else by the one that the client called. */
function tokenUriOf(host: string | undefined, { url }: Address, config: ServerConfig): string {
  const own = URL.parse(url);
  const called = `${own?.protocol ?? 'http:'}//${host ?? own?.host ?? 'localhost'}`;
  return `${(config.issuer ?? called).replace(/\/$/, '')}/token`;
}
