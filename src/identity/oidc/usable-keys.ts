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
const exponentCharactersMax = 8;
const coordinateCharactersMax = 100;

type Material = Pick<JWK, 'kty' | 'n' | 'e' | 'crv' | 'x' | 'y'>;

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
  const { kid, alg } = given;
  if (!isForSignatures(given) || !isName(kid) || !isName(alg)) return null;
  if (alg !== undefined && !algorithms.includes(alg)) return null;
  const material = materialOf(given);
  if (material === null) return null;
  return {
    ...material,
    ...(kid !== undefined && { kid }),
    ...(alg !== undefined && { alg }),
    use: 'sig',
  };
}

function isForSignatures({ use, key_ops: operations }: Readonly<Record<string, unknown>>): boolean {
  if (use !== undefined && use !== 'sig') return false;
  return !Array.isArray(operations) || operations.includes('verify');
}

const isName = (value: unknown): value is string | undefined =>
  value === undefined || (typeof value === 'string' && value.length <= keyIdCharactersMax);

/** The public members alone (RFC 7518, 6; RFC 8037). */
function materialOf(given: Readonly<Record<string, unknown>>): Material | null {
  const { kty } = given;
  if (kty === 'RSA') return rsaOf(given);
  if (kty !== 'OKP' && kty !== 'EC') return null;
  const { crv, x, y } = given;
  if (!isCoordinate(x)) return null;
  if (kty === 'OKP') return crv === 'Ed25519' ? { kty, crv, x } : null;
  const isCurve = typeof crv === 'string' && curves.has(crv);
  return isCurve && isCoordinate(y) ? { kty, crv, x, y } : null;
}

function rsaOf({ n, e }: Readonly<Record<string, unknown>>): Material | null {
  if (typeof n !== 'string' || typeof e !== 'string' || e.length > exponentCharactersMax) {
    return null;
  }
  const isFit = n.length >= modulusCharacters.min && n.length <= modulusCharacters.max;
  return isFit ? { kty: 'RSA', n, e } : null;
}

const isCoordinate = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= coordinateCharactersMax;
