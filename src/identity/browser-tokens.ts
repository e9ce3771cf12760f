import { webcrypto } from 'node:crypto';

import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';

import { wipe } from '../crypto/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { BrowserClaims, BrowserGrant, BrowserTokens, TokenIssuer } from './identity.ts';

const audience = 'sealpost:websocket';
const algorithm = { name: 'HMAC', hash: 'SHA-256' };
/** Of a token's text: what fits beside other headers in the head of a request. */
const tokenBytesMax = 8_192;
/** However long a token says that it lives. */
const lifetimeSecondsMax = 3_600;

type CryptoKey = webcrypto.CryptoKey;

/** `secret` (32 bytes) is wiped once it was imported. */
export async function openBrowserTokens(secret: Uint8Array, clock: Clock): Promise<BrowserTokens> {
  try {
    const key = await webcrypto.subtle.importKey('raw', secret, algorithm, false, [
      'sign',
      'verify',
    ]);
    return new SignedBrowserTokens(key, clock);
  } finally {
    wipe(secret);
  }
}

/** JWTs (RFC 7519) by HMAC-SHA-256, and by nothing else whatever a token's header says. */
class SignedBrowserTokens implements BrowserTokens {
  readonly #key: CryptoKey;
  readonly #clock: Clock;

  constructor(key: CryptoKey, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  async issue({ subject, grants, expiresAtMs, issuer }: BrowserClaims): Promise<string> {
    const token = await new SignJWT({ grants, ...(issuer && { issuer }) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(Math.floor(this.#clock.wallMs() / 1_000))
      .setExpirationTime(Math.floor(expiresAtMs / 1_000))
      .sign(this.#key);
    if (token.length <= tokenBytesMax) return token;
    const text = `The token would have ${token.length} bytes, the maximum is ${tokenBytesMax}: name fewer resources.`;
    throw new RpcError('INVALID_ARGUMENT', 'TOKEN_TOO_LARGE', text);
  }

  async verify(token: string): Promise<BrowserClaims> {
    if (token.length > tokenBytesMax) throw refused('BAD_TOKEN');
    const claims = claimsOf(await this.#payload(token));
    if (claims === null) throw refused('BAD_TOKEN');
    return claims;
  }

  async #payload(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ['HS256'],
        audience,
        requiredClaims: ['exp', 'iat', 'sub'],
        maxTokenAge: lifetimeSecondsMax,
        clockTolerance: 0,
        currentDate: new Date(this.#clock.wallMs()),
      });
      return payload;
    } catch (cause) {
      throw refused(cause instanceof errors.JWTExpired ? 'TOKEN_EXPIRED' : 'BAD_TOKEN', cause);
    }
  }
}

/** One text for all of it: a forger learns nothing of how far a token came. */
function refused(reason: 'BAD_TOKEN' | 'TOKEN_EXPIRED', cause?: unknown): RpcError {
  const text = 'The token is malformed, forged, expired, or was issued for another purpose.';
  return new RpcError('UNAUTHENTICATED', reason, text, { cause });
}

function claimsOf({ sub, exp, grants, issuer }: JWTPayload): BrowserClaims | null {
  if (sub === undefined || sub === '' || exp === undefined) return null;
  if (!Array.isArray(grants) || !grants.every(isGrant)) return null;
  if (issuer !== undefined && !isIssuer(issuer)) return null;
  return { subject: sub, grants, expiresAtMs: exp * 1_000, ...(issuer && { issuer }) };
}

function isIssuer(value: unknown): value is TokenIssuer {
  const { member, email, groups, account } = (value ?? {}) as Partial<TokenIssuer>;
  if (account !== undefined && !isAccount(account)) return false;
  const isNamed = typeof member === 'string' && member !== '' && typeof email === 'string';
  return isNamed && Array.isArray(groups) && groups.every((name) => typeof name === 'string');
}

function isAccount(value: unknown): value is NonNullable<TokenIssuer['account']> {
  const { uid, credential } = (value ?? {}) as Partial<NonNullable<TokenIssuer['account']>>;
  return typeof uid === 'string' && typeof credential === 'string';
}

function isGrant(value: unknown): value is BrowserGrant {
  const { verb, resources } = (value ?? {}) as Partial<Record<keyof BrowserGrant, unknown>>;
  const isVerb = verb === 'publish' || verb === 'subscribe';
  return isVerb && Array.isArray(resources) && resources.every((name) => typeof name === 'string');
}
