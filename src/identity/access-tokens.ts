import { compactVerify, createLocalJWKSet, SignJWT } from 'jose';

import type { Clock } from '../runtime/index.ts';
import type { UnverifiedToken } from './authentication/token-text.ts';
import { endOfToken } from './authentication/token-times.ts';
import type { AccessClaims, AccessTokens } from './identity.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface AccessTokensOptions {
  readonly keys: SigningKeys;
  readonly clock: Clock;
  /** Asked at each use: the port of the default becomes known late. */
  readonly issuer: () => string;
}

/** What sets them apart from ID tokens, which the same keys sign (RFC 9068, 2.1). */
const tokenType = 'at+jwt';
const audience = 'sealpost:access';
const algorithms = ['RS256'];
const lifetimeSecondsMax = 3_600;

/** Access tokens as JWTs, signed by the keys of our ID tokens. */
export class SignedAccessTokens implements AccessTokens {
  readonly #options: AccessTokensOptions;

  constructor(options: AccessTokensOptions) {
    this.#options = options;
  }

  async issue({ uid, email, keyId, lifetimeSeconds }: AccessClaims): Promise<string> {
    const { keys, clock, issuer } = this.#options;
    const { kid, privateKey } = await keys.signing();
    const nowSeconds = Math.floor(clock.wallMs() / 1_000);
    return await new SignJWT({ email, signed_by: keyId })
      .setProtectedHeader({ alg: 'RS256', kid, typ: tokenType })
      .setIssuer(issuer())
      .setAudience(audience)
      .setSubject(uid)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + Math.min(lifetimeSeconds, lifetimeSecondsMax))
      .sign(privateKey);
  }

  isOurs({ issuer, type, claims }: UnverifiedToken): boolean {
    return issuer === this.#options.issuer() && type === tokenType && claims.aud === audience;
  }

  async verify(
    token: UnverifiedToken,
  ): Promise<{ readonly uid: string; readonly keyId: string; readonly endMs: number } | null> {
    const times = { skewSeconds: 0, lifetimeSecondsMax, needsIssuedAt: true };
    const { sub, signed_by: keyId } = token.claims;
    const endMs = endOfToken(token.claims, this.#options.clock.wallMs(), times);
    const isWhole = this.isOurs(token) && typeof sub === 'string' && typeof keyId === 'string';
    if (!isWhole || endMs === null || !(await this.#isSigned(token))) return null;
    return { uid: sub, keyId, endMs };
  }

  async #isSigned({ text }: UnverifiedToken): Promise<boolean> {
    const published = await this.#options.keys.published();
    const keys = published.map(({ publicJwk }) => publicJwk);
    try {
      await compactVerify(text, createLocalJWKSet({ keys }), { algorithms });
      return true;
    } catch {
      return false;
    }
  }
}
