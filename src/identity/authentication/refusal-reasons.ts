import type { Clock } from '../../runtime/index.ts';
import type { AccountDirectory, LiveAccount } from '../accounts/account-directory.ts';
import { apiKeyIdOf } from '../accounts/api-key-text.ts';
import type { RefusedCredential } from './refused-credentials.ts';
import type { ClaimsCheck } from './self-signed-tokens.ts';
import type { UnverifiedToken } from './token-text.ts';

export interface RefusalReasonsOptions {
  readonly directory: AccountDirectory;
  readonly clock: Clock;
  readonly skewSeconds: number;
  /** Issuers whose tokens are believed, and what those must be meant for. */
  readonly issuers: readonly { readonly issuer: string }[];
  readonly audiences: readonly string[];
  /** Whether it is of the form of an access token of ours. */
  readonly isAccessToken: (token: UnverifiedToken) => boolean;
}

type Reason = string | null;

/**
 * Why credentials that were refused are not good: looked up once that is decided, apart from what
 * decides, so that no answer depends on it.
 */
export class RefusalReasons {
  readonly #options: RefusalReasonsOptions;

  constructor(options: RefusalReasonsOptions) {
    this.#options = options;
  }

  ofApiKey(text: string): RefusedCredential {
    const id = apiKeyIdOf(text);
    const live = id === undefined ? undefined : this.#options.directory.byApiKey(id);
    const kind = 'API key';
    if (live === undefined) return { kind, claimed: '', reason: 'there is no such key' };
    const reason = live.isEnabled ? 'its secret half is wrong' : 'the account is disabled';
    return { kind, claimed: live.account.email, reason };
  }

  /** `fits`: what a token that an account signed itself had to say. */
  ofToken(
    token: UnverifiedToken | null,
    fits: ClaimsCheck,
    kind: 'token' | 'assertion' = 'token',
  ): RefusedCredential {
    if (token === null) return { kind, claimed: '', reason: 'it is no JWT that can be verified' };
    return { kind, claimed: token.issuer, reason: this.#reasonOf(token, fits) };
  }

  #reasonOf(token: UnverifiedToken, fits: ClaimsCheck): string {
    const { directory, issuers } = this.#options;
    if (this.#options.isAccessToken(token)) {
      const { sub } = token.claims;
      const live = typeof sub === 'string' ? directory.byUid(sub) : undefined;
      return this.#ofTimes(token) ?? ofAccount(live) ?? 'its key is gone, or its signature is bad';
    }
    if (token.issuer.includes('@')) return this.#ofSelfSigned(token, fits);
    if (!issuers.some(({ issuer }) => issuer === token.issuer)) return 'its issuer is not known';
    return this.#ofTimes(token) ?? this.#ofAudience(token) ?? 'its signature or its subject is bad';
  }

  #ofSelfSigned(token: UnverifiedToken, fits: ClaimsCheck): string {
    const live = this.#options.directory.byEmail(token.issuer);
    const audience = fits(token) ? null : 'it is meant for another audience, or another subject';
    return (
      ofAccount(live) ??
      ofKey(live!, token.keyId) ??
      this.#ofTimes(token) ??
      audience ??
      'its signature is bad, or its life is too long'
    );
  }

  #ofTimes({ claims }: UnverifiedToken): Reason {
    const { clock, skewSeconds } = this.#options;
    const nowSeconds = clock.wallMs() / 1_000;
    const { exp, iat = 0, nbf = 0 } = claims;
    if (typeof exp !== 'number') return 'it has no end';
    if (exp + skewSeconds <= nowSeconds) return 'it has expired';
    const isEarly = Math.max(iat, nbf) > nowSeconds + skewSeconds;
    return isEarly ? 'it is not good yet: do the clocks differ?' : null;
  }

  #ofAudience({ claims: { aud } }: UnverifiedToken): Reason {
    const named = [aud].flat();
    const isOurs = this.#options.audiences.some((audience) => named.includes(audience));
    return isOurs ? null : 'it is meant for another audience';
  }
}

function ofAccount(live: LiveAccount | undefined): Reason {
  if (live === undefined) return 'there is no such account';
  return live.isEnabled ? null : 'the account is disabled';
}

function ofKey({ account }: LiveAccount, id: string | undefined): Reason {
  const key = account.keys.find((each) => each.id === id);
  if (key === undefined) return 'the account has no such key';
  return key.isDisabled ? 'the key is disabled' : null;
}
