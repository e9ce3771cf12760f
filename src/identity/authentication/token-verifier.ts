import type { Principal } from '../../iam/index.ts';
import type { AccountDirectory } from '../accounts/account-directory.ts';
import type { AccessTokens } from '../identity.ts';
import type { OidcTokens } from '../oidc/oidc-tokens.ts';
import { AccountPrincipal } from './account-principal.ts';
import { badCredentials } from './refusal.ts';
import type { ClaimsCheck, SelfSignedTokens } from './self-signed-tokens.ts';
import type { UnverifiedToken } from './token-text.ts';

export interface TokenVerifierOptions {
  readonly directory: AccountDirectory;
  readonly accessTokens: AccessTokens;
  readonly selfSigned: SelfSignedTokens;
  readonly forCalls: ClaimsCheck;
  readonly oidc: OidcTokens;
}

/** Finds out whose a JWT is. Its issuer decides who may have signed it, and nothing else of it does. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  /** @throws RpcError UNAUTHENTICATED; UNAVAILABLE while an issuer's keys cannot be had */
  async verify(token: UnverifiedToken): Promise<Principal> {
    const { accessTokens, selfSigned, forCalls, oidc } = this.#options;
    if (accessTokens.isOurs(token)) return orRefuse(await this.#ofAccess(token));
    if (selfSigned.isOurs(token)) return orRefuse(await selfSigned.verify(token, forCalls));
    if (oidc.isOurs(token)) return await oidc.verify(token);
    throw badCredentials();
  }

  async #ofAccess(token: UnverifiedToken): Promise<Principal | null> {
    const { accessTokens, directory } = this.#options;
    const verified = await accessTokens.verify(token);
    if (verified === null) return null;
    const { uid, keyId, endMs } = verified;
    const live = directory.byUid(uid);
    if (live === undefined) return null;
    const principal = new AccountPrincipal(live, { kind: 'key', id: keyId }, endMs);
    return principal.isValid() ? principal : null;
  }
}

function orRefuse(principal: Principal | null): Principal {
  if (principal === null) throw badCredentials();
  return principal;
}

/** Whom a token says that it is of: what guessing is counted by. */
export function claimedIdentity({ issuer, claims }: UnverifiedToken): string {
  return `${issuer} ${typeof claims.sub === 'string' ? claims.sub : ''}`;
}
