import { operator, type Principal } from '../../iam/index.ts';
import type { AccountDirectory } from '../accounts/account-directory.ts';
import type { BrowserIssuer } from '../identity.ts';
import { type AccountCredential, AccountPrincipal } from './account-principal.ts';

/** What a browser token says of who had it issued; undefined where nobody was asked who he is. */
export function issuerOf(principal: Principal): BrowserIssuer | undefined {
  if (principal === operator) return undefined;
  const { member, email, groups } = principal;
  if (!(principal instanceof AccountPrincipal)) return { member, email, groups };
  const { uid, credential } = principal;
  const shown = credential.kind === 'certificate' ? '' : credential.id;
  return { member, email, groups, account: { uid, credential: `${credential.kind}/${shown}` } };
}

/**
 * Who had a browser token issued, as a principal whose rights can be asked for. It is not valid once
 * the account, or what it had shown, is refused.
 */
export function issuerPrincipal(
  { member, email, groups, account }: BrowserIssuer,
  directory: AccountDirectory,
  expiresAtMs: number,
): Principal {
  if (account === undefined) return { member, email, groups, expiresAtMs, isValid: () => true };
  const live = directory.byUid(account.uid);
  if (live === undefined) return { member, email, groups, expiresAtMs, isValid: () => false };
  return new AccountPrincipal(live, credentialOf(account.credential), expiresAtMs);
}

function credentialOf(text: string): AccountCredential {
  const mark = text.indexOf('/');
  const kind = text.slice(0, mark);
  if (kind !== 'key' && kind !== 'apiKey') return { kind: 'certificate' };
  return { kind, id: text.slice(mark + 1) };
}
