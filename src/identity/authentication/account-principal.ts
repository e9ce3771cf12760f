import type { Principal } from '../../iam/index.ts';
import { accountMember } from '../accounts/account.ts';
import type { LiveAccount } from '../accounts/account-directory.ts';

/** By what an account showed who it is. Certificates are no state of ours. */
export type AccountCredential =
  | { readonly kind: 'key' | 'apiKey'; readonly id: string }
  | { readonly kind: 'certificate' };

/** A service account, for as long as it and what it showed are good. */
export class AccountPrincipal implements Principal {
  readonly member: string;
  readonly email: string;
  readonly groups: readonly string[] = [];
  readonly expiresAtMs: number;
  readonly uid: string;
  readonly credential: AccountCredential;
  readonly #live: LiveAccount;

  constructor(live: LiveAccount, credential: AccountCredential, expiresAtMs: number) {
    const { email, uid } = live.account;
    this.member = accountMember(email);
    this.email = email;
    this.uid = uid;
    this.expiresAtMs = expiresAtMs;
    this.credential = credential;
    this.#live = live;
  }

  isValid(): boolean {
    return this.#live.isEnabled && hasCredential(this.#live, this.credential);
  }
}

function hasCredential({ account }: LiveAccount, credential: AccountCredential): boolean {
  if (credential.kind === 'certificate') return true;
  const { id } = credential;
  if (credential.kind === 'apiKey') return account.apiKeys.some((key) => key.id === id);
  return account.keys.some((key) => key.id === id && !key.isDisabled);
}
