import { createHash } from 'node:crypto';

import { SignJWT } from 'jose';

import type { Clock } from '../runtime/index.ts';
import type { IdTokens } from './identity.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface IdTokensOptions {
  readonly keys: SigningKeys;
  readonly clock: Clock;
  /** Asked at each use: the port of the default becomes known late. */
  readonly issuer: () => string;
}

interface KeptToken {
  readonly text: Promise<string>;
  readonly issuedSeconds: number;
  readonly issuer: string;
}

interface SignedClaims {
  readonly email: string;
  readonly audience: string;
  readonly subject: string;
}

const lifetimeSeconds = 3_600;
/** A token is not handed out in the last minutes of its life. */
const marginSeconds = 300;
const keptMax = 1_000;

/** Signs ID tokens like those of Google's push (RFC 7519, OpenID Connect Core 2), and keeps them. */
export class SignedIdTokens implements IdTokens {
  readonly #options: IdTokensOptions;
  /** Least recently used first. */
  readonly #kept: Map<string, KeptToken> = new Map();

  constructor(options: IdTokensOptions) {
    this.#options = options;
  }

  get issuer(): string {
    return this.#options.issuer();
  }

  idToken({
    email,
    audience,
    subject = subjectOf(email),
  }: Parameters<IdTokens['idToken']>[0]): Promise<string> {
    const name = JSON.stringify([email, audience, subject]);
    const nowSeconds = Math.floor(this.#options.clock.wallMs() / 1_000);
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    const token =
      kept && this.#isFresh(kept, nowSeconds) ? kept : this.#sign({ email, audience, subject });
    this.#keep(name, token);
    return token.text;
  }

  async jwks(): Promise<{ readonly keys: readonly Readonly<Record<string, unknown>>[] }> {
    const keys = await this.#options.keys.published();
    return { keys: keys.map(({ publicJwk }) => publicJwk) };
  }

  clear(): void {
    this.#kept.clear();
  }

  #isFresh({ issuedSeconds, issuer }: KeptToken, nowSeconds: number): boolean {
    const ageSeconds = nowSeconds - issuedSeconds;
    return (
      ageSeconds >= 0 && ageSeconds < lifetimeSeconds - marginSeconds && issuer === this.issuer
    );
  }

  #keep(name: string, token: KeptToken): void {
    this.#kept.set(name, token);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptMax && oldest !== undefined) this.#kept.delete(oldest);
    token.text.catch(() => {
      if (this.#kept.get(name) === token) this.#kept.delete(name);
    });
  }

  #sign(claims: SignedClaims): KeptToken {
    const { issuer } = this;
    const issuedSeconds = Math.floor(this.#options.clock.wallMs() / 1_000);
    return { text: this.#signed(claims, issuer, issuedSeconds), issuedSeconds, issuer };
  }

  async #signed(
    { email, audience, subject }: SignedClaims,
    issuer: string,
    issuedSeconds: number,
  ): Promise<string> {
    const { kid, privateKey } = await this.#options.keys.signing();
    return await new SignJWT({ azp: subject, email, email_verified: true })
      .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt(issuedSeconds)
      .setExpirationTime(issuedSeconds + lifetimeSeconds)
      .sign(privateKey);
  }
}

/** A service account's number of 21 digits: the same for the same address, for ever. */
function subjectOf(email: string): string {
  const hash = createHash('sha256').update(`sealpost/service-account/${email}`).digest('hex');
  return `1${(BigInt(`0x${hash}`) % 10n ** 20n).toString().padStart(20, '0')}`;
}
