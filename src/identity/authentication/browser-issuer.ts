import { operator, type Principal } from '../../iam/index.ts';
import type { AccountDirectory } from '../accounts/account-directory.ts';
import type { TokenIssuer } from '../identity.ts';
import { type AccountCredential, AccountPrincipal } from './account-principal.ts';

/** What a browser token says of who had it issued; undefined where nobody was asked who he is. */
export function issuerOf(principal: Principal): TokenIssuer | undefined {
  if (principal === operator) return undefined;
  const { member, email, groups } = principal;
  if (!(principal instanceof AccountPrincipal)) return { member, email, groups };
  const { uid, credential } = principal;
  const shown = credential.kind === 'certificate' ? '' : credential.id;
  return { member, email, groups, account: { uid, credential: `${credential.kind}/${shown}` } };
}

/** Whether the account of who had a browser token issued, and what it had shown, are good still. */
export function acceptsIssuer({ account }: TokenIssuer, directory: AccountDirectory): boolean {
  if (account === undefined) return true;
  const live = directory.byUid(account.uid);
  if (live === undefined) return false;
  const credential = credentialOf(account.credential);
  return new AccountPrincipal(live, credential, Number.POSITIVE_INFINITY).isValid();
}

function credentialOf(text: string): AccountCredential {
  const mark = text.indexOf('/');
  const kind = text.slice(0, mark);
  if (kind !== 'key' && kind !== 'apiKey') return { kind: 'certificate' };
  return { kind, id: text.slice(mark + 1) };
}
