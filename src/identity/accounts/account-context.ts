import type { AuditCaller, AuditValue, AuditWriter } from '../../audit/index.ts';
import type { Clock, Entropy } from '../../runtime/index.ts';
import type { ServiceAccount } from './account.ts';
import { type AccountChange, auditedChange } from './account-audit.ts';
import type { AccountDirectory } from './account-directory.ts';

/** What changes of accounts and of their keys are made with. */
export interface AccountContext {
  readonly directory: AccountDirectory;
  readonly audit: AuditWriter;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Tells those who hold what an account was given that some of it may be refused now. */
  readonly revoked: () => void;
}

/** What a change is called, and what of it is recorded. */
export interface NamedChange {
  /** `CreateServiceAccountKey`, in google.iam.admin.v1. */
  readonly method: string;
  readonly permission: string;
  /** Of what is under the account: `keys/ID`. */
  readonly under?: string;
  readonly request?: { readonly [name: string]: AuditValue };
}

export const accountName = ({ project, email }: ServiceAccount): string =>
  `projects/${project}/serviceAccounts/${email}`;

/** Makes a change of one account and records it; `make` gives the account as it then is. */
export async function recordedChange<T>(
  { audit }: Pick<AccountContext, 'audit'>,
  account: ServiceAccount,
  { method, permission, under, request = {} }: NamedChange,
  caller: AuditCaller,
  make: () => Promise<T>,
): Promise<T> {
  const name = accountName(account);
  const change: AccountChange = {
    method: `google.iam.admin.v1.${method}`,
    permission,
    project: account.project,
    resourceName: under === undefined ? name : `${name}/${under}`,
    email: account.email,
    uid: account.uid,
    caller,
    request: { name, ...request },
  };
  return await auditedChange(audit, change, make);
}
