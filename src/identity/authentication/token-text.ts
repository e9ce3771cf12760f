import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';

/** Beyond it a token is not looked at. Those with many groups have some thousands. */
export const tokenCharactersMax = 16_384;

/** What a token says of itself, of which nothing is verified yet. */
export interface UnverifiedToken {
  readonly text: string;
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly type: string | undefined;
  readonly issuer: string;
  readonly claims: JWTPayload;
}

const form = /^[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}$/;
const keyIdCharactersMax = 256;
const types = new Set([undefined, 'jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/**
 * Takes a signed JWT (RFC 7519) apart; null for what is none that could be verified. Keys, and URLs
 * of keys, in its header are not looked at: who signed it does not choose what checks it.
 */
export function readToken(text: string): UnverifiedToken | null {
  if (text.length > tokenCharactersMax || !form.test(text)) return null;
  try {
    const { alg, kid, typ, crit } = decodeProtectedHeader(text);
    const claims = decodeJwt(text);
    const type = typeof typ === 'string' ? typ.toLowerCase() : typ;
    const isKeyId = kid === undefined || (typeof kid === 'string' && isKeyIdText(kid));
    if (typeof alg !== 'string' || !isKeyId || !types.has(type) || crit !== undefined) return null;
    if (typeof claims.iss !== 'string') return null;
    return { text, algorithm: alg, keyId: kid, type, issuer: claims.iss, claims };
  } catch {
    return null;
  }
}

const isKeyIdText = (kid: string): boolean => kid.length > 0 && kid.length <= keyIdCharactersMax;
