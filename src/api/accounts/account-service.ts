import { projectOf, type Principal, serverResource } from '../../iam/index.ts';
import type { FieldOf } from '../../iam/index.ts';
import type { AuditCaller } from '../../audit/index.ts';
import {
  accountMember,
  type AccountStore,
  type ServiceAccount,
  type TokenExchange,
} from '../../identity/index.ts';
import { parseAccountEmail, RpcError } from '../../rpc/index.ts';
import type { RestCall } from '../route.ts';
import { oneField } from '../access/request-fields.ts';

/** What accounts' routes are made with. */
export interface AccountService {
  readonly store: AccountStore;
  readonly exchange: TokenExchange;
  /** Whether a member has rights on the whole server: by `--admin`, or by the server's policy. */
  isPrivileged(member: string): boolean;
  /** Whether a policy of anything outside of a project names a member. */
  isNamedOutside(member: string, project: string): boolean;
  /** Whether a principal may change accounts that have such rights. */
  mayAdminister(principal: Principal): boolean;
  /** Where a credentials file sends what it signs, for a client that called us by that Host. */
  tokenUri(host: string | undefined): string;
}

/** The permission of `mayAdminister`, on the whole server. */
export const administerPermission = 'sealpost.accounts.administer';

/** The parts of `projects/P/serviceAccounts/A` and of what is under it. */
export interface AccountPath {
  readonly project: string;
  /** An email or a unique id. */
  readonly account: string;
  /** Of `keys/ID` and `apiKeys/ID`; empty if there is none. */
  readonly id: string;
}

export function pathOf({ params }: RestCall): AccountPath {
  const [, project = '', , account = '', , id = ''] = (params['name'] ?? '').split('/');
  return { project, account, id };
}

/** @throws RpcError NOT_FOUND */
export function accountOf({ store }: AccountService, call: RestCall): ServiceAccount {
  const { project, account } = pathOf(call);
  return store.accounts.get(project, account);
}

/**
 * The account that a call changes. Whoever may change it, or gets a key for it, has what it may: of
 * an account with rights on the whole server that is for administrators alone, wherever it is.
 *
 * @throws RpcError NOT_FOUND, PERMISSION_DENIED
 */
export function changedAccount(service: AccountService, call: RestCall): ServiceAccount {
  const account = accountOf(service, call);
  requireAdministered(service, call.principal, account.email);
  return account;
}

/**
 * Whoever may make an account in a project is not given what others still grant to one of the same
 * email that was deleted: such a one is made anew by administrators alone.
 *
 * @throws RpcError PERMISSION_DENIED
 */
export function requireUnnamed(
  service: AccountService,
  principal: Principal,
  { email, project }: { readonly email: string; readonly project: string },
): void {
  const member = accountMember(email);
  const isNamed = service.isPrivileged(member) || service.isNamedOutside(member, project);
  if (isNamed && !service.mayAdminister(principal)) throw privilegedError();
}

/** @throws RpcError PERMISSION_DENIED */
export function requireAdministered(
  service: AccountService,
  principal: Principal,
  email: string,
): void {
  if (!service.isPrivileged(accountMember(email)) || service.mayAdminister(principal)) return;
  throw privilegedError();
}

function privilegedError(): RpcError {
  const text = `Permission '${administerPermission}' denied on resource '${serverResource}' (or it may not exist).`;
  return new RpcError('PERMISSION_DENIED', 'ACCOUNT_PRIVILEGED', text);
}

/**
 * What the access rule asks about: `-` stands for the project that the account is in, which its email
 * says whether there is such an account or not. A unique id that nobody has stays in `-`, where nobody
 * has rights but by the server's policy.
 */
export function accountFields({ store }: AccountService): (call: RestCall) => FieldOf {
  return (call) => {
    const { params } = call;
    const name = params['name'] ?? '';
    const { account } = pathOf(call);
    if (projectOf(name) !== 'projects/-' || account === '') return oneField('name', name);
    const named = parseAccountEmail(account)?.project;
    const project = named ?? store.directory.byUid(account)?.account.project ?? '-';
    return oneField(
      'name',
      name.replace('projects/-', () => `projects/${project}`),
    );
  };
}

export function auditCaller({ principal, callerIp, userAgent }: RestCall): AuditCaller {
  return {
    principalEmail: principal.email,
    ...(callerIp !== undefined && { callerIp }),
    ...(userAgent !== undefined && { userAgent }),
  };
}
