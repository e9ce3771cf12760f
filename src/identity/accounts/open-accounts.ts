import type { AuditWriter } from '../../audit/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { AccountDirectory } from './account-directory.ts';
import { AccountKeys } from './account-keys.ts';
import { AccountRows, type AccountRowsOptions } from './account-rows.ts';
import { type AccountsPart, accountsPart } from './accounts-part.ts';
import { Accounts } from './accounts.ts';

export interface AccountStoreOptions extends AccountRowsOptions {
  readonly audit: AuditWriter;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Service accounts and what they show who they are by. */
export interface AccountStore {
  readonly accounts: Accounts;
  readonly keys: AccountKeys;
  /** For who authenticates by them. */
  readonly directory: AccountDirectory;
  /** What a verification of everything that is stored asks of the accounts. */
  readonly part: AccountsPart;
  /** `listener` is told when something that was given to an account is refused from now on. */
  onRevoked(listener: () => void): () => void;
}

/** Reads all accounts into memory. @throws RpcError UNAVAILABLE if the store cannot be read */
export async function openAccounts(options: AccountStoreOptions): Promise<AccountStore> {
  const directory = new AccountDirectory(new AccountRows(options));
  await directory.load(options.log);
  const listeners = new Set<() => void>();
  const revoked = (): void => {
    for (const listener of listeners) listener();
  };
  const context = { ...options, directory, revoked };
  return {
    accounts: new Accounts(context),
    keys: new AccountKeys(context),
    directory,
    part: accountsPart(options),
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
