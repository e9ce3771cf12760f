import type { AccountDirectory } from '../accounts/account-directory.ts';
import type { AccessTokens, IdTokens } from '../identity.ts';
import { RpcError } from '../../rpc/index.ts';
import type { GuardedChecks } from './guarded-checks.ts';
import { badCredentials } from './refusal.ts';
import type { RefusalReasons } from './refusal-reasons.ts';
import type { RefusedCredentials } from './refused-credentials.ts';
import type { ClaimsCheck, SelfSignedTokens } from './self-signed-tokens.ts';
import { readToken, type UnverifiedToken } from './token-text.ts';
import { claimedIdentity } from './token-verifier.ts';
import type { AccountPrincipal } from './account-principal.ts';

export interface TokenExchangeOptions {
  readonly directory: AccountDirectory;
  readonly selfSigned: SelfSignedTokens;
  readonly forExchange: ClaimsCheck;
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
  readonly checks: GuardedChecks;
  readonly refused: RefusedCredentials;
  readonly reasons: RefusalReasons;
}

/** What a service account gets for a JWT that it signed (RFC 7523, 4). */
export type ExchangedToken =
  | { readonly accessToken: string; readonly lifetimeSeconds: number }
  | { readonly idToken: string };

const lifetimeSeconds = 3_600;
const audienceCharactersMax = 2_048;

/** Gives access tokens, and ID tokens where the claim `target_audience` asks for one. */
export class TokenExchange {
  readonly #options: TokenExchangeOptions;

  constructor(options: TokenExchangeOptions) {
    this.#options = options;
  }

  /**
   * Null for an assertion that is not good, whatever is wrong.
   *
   * @throws RpcError RESOURCE_EXHAUSTED for who guesses
   */
  async exchange(assertion: string, address: string | undefined): Promise<ExchangedToken | null> {
    const { checks, refused, reasons, forExchange } = this.#options;
    const token = readToken(assertion);
    const attempt = { address, identity: token === null ? '' : claimedIdentity(token) };
    checks.admit(attempt);
    try {
      return await checks.run(attempt, () => this.#exchanged(token));
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== 'UNAUTHENTICATED') throw error;
      refused.add(reasons.ofToken(token, forExchange, 'assertion'));
      return null;
    }
  }

  async #exchanged(token: UnverifiedToken | null): Promise<ExchangedToken> {
    const { selfSigned, forExchange } = this.#options;
    const isOurs = token !== null && selfSigned.isOurs(token);
    const principal = isOurs ? await selfSigned.verify(token, forExchange) : null;
    if (token === null || principal === null) throw badCredentials();
    const { target_audience: target } = token.claims;
    return target === undefined
      ? await this.#access(principal)
      : await this.#identity(principal, target);
  }

  async #access({ uid, email, credential }: AccountPrincipal): Promise<ExchangedToken> {
    const keyId = credential.kind === 'certificate' ? '' : credential.id;
    const claims = { uid, email, keyId, lifetimeSeconds };
    return { accessToken: await this.#options.accessTokens.issue(claims), lifetimeSeconds };
  }

  async #identity({ uid, email }: AccountPrincipal, target: unknown): Promise<ExchangedToken> {
    const isAudience =
      typeof target === 'string' && target !== '' && target.length <= audienceCharactersMax;
    if (!isAudience) throw badCredentials();
    const request = { email, audience: target, subject: uid };
    return { idToken: await this.#options.idTokens.idToken(request) };
  }
}
