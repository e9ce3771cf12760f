import { decodeBase64 } from './wire/base64.ts';

/** From issue to expiration of a JSON Web Token (RFC 7519); undefined if it does not say. */
export function tokenLifetimeMs(token: string): number | undefined {
  try {
    const payload = new TextDecoder().decode(decodeBase64(token.split('.')[1] ?? ''));
    const { iat, exp } = JSON.parse(payload) as { iat?: unknown; exp?: unknown };
    if (typeof iat !== 'number' || typeof exp !== 'number' || exp <= iat) return undefined;
    return (exp - iat) * 1_000;
  } catch {
    return undefined;
  }
}
