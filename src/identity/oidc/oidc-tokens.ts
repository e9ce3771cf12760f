import { compactVerify, type JWTPayload } from 'jose';

import type { Principal } from '../../iam/index.ts';
import type { OutgoingClient } from '../../outgoing/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { badCredentials, issuerAway } from '../authentication/refusal.ts';
import type { UnverifiedToken } from '../authentication/token-text.ts';
import { endOfToken } from '../authentication/token-times.ts';
import { IssuerKeys, KeysAwayError, type KeySet } from './issuer-keys.ts';
import type { IssuerPlace } from './key-fetch.ts';
import { oidcPrincipal } from './oidc-principal.ts';
import { algorithms } from './usable-keys.ts';

export interface OidcTokensOptions {
  readonly issuers: readonly IssuerPlace[];
  /** Of which one must be in a token's `aud`. */
  readonly audiences: readonly string[];
  readonly outgoing: OutgoingClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly skewSeconds: number;
}

const lifetimeSecondsMax = 86_400;
const subjectCharactersMax = 255;

/** Tokens of others: OpenID Connect ID tokens, and access tokens that are JWTs (RFC 9068). */
export class OidcTokens {
  readonly #options: OidcTokensOptions;
  readonly #keys: ReadonlyMap<string, IssuerKeys>;
  readonly #abort = new AbortController();

  constructor(options: OidcTokensOptions) {
    this.#options = options;
    const { outgoing, clock, log } = options;
    const { signal } = this.#abort;
    this.#keys = new Map(
      options.issuers.map((place) => [
        place.issuer,
        new IssuerKeys({ ...place, outgoing, clock, log, signal }),
      ]),
    );
  }

  isOurs({ issuer }: UnverifiedToken): boolean {
    return this.#keys.has(issuer);
  }

  /**
   * Whom a token is of.
   *
   * @throws RpcError UNAUTHENTICATED; UNAVAILABLE while the issuer's keys cannot be had
   */
  async verify(token: UnverifiedToken): Promise<Principal> {
    const { clock, skewSeconds } = this.#options;
    const { claims, algorithm } = token;
    const times = { skewSeconds, lifetimeSecondsMax, needsIssuedAt: false };
    const endMs = endOfToken(claims, clock.wallMs(), times);
    // What costs nothing comes first: a token for others makes us fetch no keys.
    const isFit = endMs !== null && algorithms.includes(algorithm) && this.#isForUs(claims);
    if (!isFit) throw badCredentials();
    await this.#checkSignature(token);
    return oidcPrincipal(token.issuer, claims, endMs);
  }

  close(): void {
    this.#abort.abort();
  }

  #isForUs({ aud, sub }: JWTPayload): boolean {
    const isSubject = typeof sub === 'string' && sub !== '' && sub.length <= subjectCharactersMax;
    const named = [aud].flat();
    return isSubject && this.#options.audiences.some((audience) => named.includes(audience));
  }

  async #checkSignature({ issuer, keyId, text }: UnverifiedToken): Promise<void> {
    const keys = await this.#keysOf(issuer, keyId);
    try {
      await compactVerify(text, keys, { algorithms: [...algorithms] });
    } catch (cause) {
      throw badCredentials(cause);
    }
  }

  async #keysOf(issuer: string, keyId: string | undefined): Promise<KeySet> {
    try {
      return await this.#keys.get(issuer)!.keysFor(keyId);
    } catch (error) {
      throw error instanceof KeysAwayError ? issuerAway(error) : error;
    }
  }
}
