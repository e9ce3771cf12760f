import type { JWK } from 'jose';

/** Signatures that are checked by a public key. HMAC is not: its key is no public one. */
export const algorithms: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const keysMax = 100;
const keyIdCharactersMax = 256;
/** Base64url of 2,048 and of 8,192 bits. */
const modulusCharacters = { min: 342, max: 1_366 };
const curves = new Set(['P-256', 'P-384', 'P-521']);

/**
 * The keys of a set that may check a signature, without what else their owner wrote: at most 100.
 * Private, symmetric and weak ones are left out, and such as are for encryption.
 */
export function usableKeys(keys: readonly unknown[]): JWK[] {
  const usable: JWK[] = [];
  for (const key of keys.slice(0, keysMax)) {
    const read = readKey(key);
    if (read !== null) usable.push(read);
  }
  return usable;
}

function readKey(value: unknown): JWK | null {
  if (typeof value !== 'object' || value === null) return null;
  const given = value as Readonly<Record<string, unknown>>;
  const { kid, alg, use, key_ops: operations } = given;
  if (use !== undefined && use !== 'sig') return null;
  if (Array.isArray(operations) && !operations.includes('verify')) return null;
  if (alg !== undefined && !algorithms.includes(alg as string)) return null;
  const isNamed = typeof kid === 'string' && kid.length <= keyIdCharactersMax;
  if (kid !== undefined && !isNamed) return null;
  const material = materialOf(given);
  if (material === null) return null;
  const named = isNamed ? { kid } : {};
  return { ...material, ...named, ...(typeof alg === 'string' && { alg }), use: 'sig' };
}

/** The public members alone (RFC 7518, 6; RFC 8037). */
function materialOf({
  kty,
  n,
  e,
  crv,
  x,
  y,
}: Readonly<Record<string, unknown>>): Pick<JWK, 'kty' | 'n' | 'e' | 'crv' | 'x' | 'y'> | null {
  if (kty === 'RSA') {
    if (typeof n !== 'string' || typeof e !== 'string' || e.length > 8) return null;
    const isFit = n.length >= modulusCharacters.min && n.length <= modulusCharacters.max;
    return isFit ? { kty, n, e } : null;
  }
  if (typeof crv !== 'string' || typeof x !== 'string' || x.length > 100) return null;
  if (kty === 'OKP') return crv === 'Ed25519' ? { kty, crv, x } : null;
  if (kty !== 'EC' || !curves.has(crv) || typeof y !== 'string' || y.length > 100) return null;
  return { kty, crv, x, y };
}
