import type { BrowserClaims, BrowserGrant } from '../../../identity/index.ts';
import { RpcError } from '../../../rpc/index.ts';

/**
 * Throws PERMISSION_DENIED unless the token allows it; without token, everything is allowed. Asked
 * before the broker, so that what a token does not cover looks the same whether it exists or not.
 */
export function requireGrant(
  claims: BrowserClaims | null,
  verb: BrowserGrant['verb'],
  resource: string,
): void {
  if (claims === null || isGranted(claims, verb, resource)) return;
  throw notGranted(resource);
}

export function notGranted(resource: string): RpcError {
  return new RpcError(
    'PERMISSION_DENIED',
    'TOKEN_SCOPE',
    `The token does not allow this (resource=${resource.slice(0, 400)}).`,
  );
}

export function isGranted(
  claims: BrowserClaims,
  verb: BrowserGrant['verb'],
  resource: string,
): boolean {
  return claims.grants.some(
    (grant) => grant.verb === verb && grant.resources.some((name) => covers(name, resource)),
  );
}

const covers = (granted: string, resource: string): boolean =>
  granted.endsWith('*') ? resource.startsWith(granted.slice(0, -1)) : granted === resource;
