import { type BrowserTokens, type IdTokens, issuerOf } from '../../identity/index.ts';
import { formatTimestamp, RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { JsonValue } from '../json.ts';
import { refuseQuery } from '../http/transcoding.ts';
import type { RestCall, Route } from '../route.ts';
import { grantedFields, readBrowserTokenRequest } from './browser-token-request.ts';

export interface IdentityRoutesOptions {
  readonly browserTokens: BrowserTokens;
  readonly idTokens: IdTokens;
  readonly clock: Clock;
}

/** A new signing key is published an hour before it signs, so that nobody's cache lacks it. */
const keysCacheControl = 'public, max-age=3600';

/** Tokens for pages, and what push endpoints check ours by (OpenID Connect Discovery 1.0). */
export function identityRoutes(options: IdentityRoutesOptions): Route[] {
  const { idTokens } = options;
  return [
    {
      rpc: 'sealpost.v1.Identity.CreateBrowserToken',
      method: 'POST',
      template: '/sealpost/v1/browserTokens',
      cacheControl: 'no-store',
      handle: (call) => createBrowserToken(options, call),
      fields: grantedFields,
    },
    {
      rpc: 'sealpost.v1.Identity.GetDiscovery',
      method: 'GET',
      template: '/.well-known/openid-configuration',
      cacheControl: keysCacheControl,
      handle: () => discovery(idTokens.issuer),
    },
    {
      rpc: 'sealpost.v1.Identity.GetKeys',
      method: 'GET',
      template: '/sealpost/v1/jwks',
      cacheControl: keysCacheControl,
      handle: async () => ({ keys: (await idTokens.jwks()).keys as JsonValue }),
    },
  ];
}

async function createBrowserToken(
  { browserTokens, clock }: IdentityRoutesOptions,
  call: RestCall,
): Promise<JsonValue> {
  refusePages(call);
  refuseQuery(call.query, {});
  const { subject, grants, ttlSeconds } = readBrowserTokenRequest(call.json());
  const expiresAtMs = (Math.floor(clock.wallMs() / 1_000) + ttlSeconds) * 1_000;
  const issuer = issuerOf(call.principal);
  const claims = { subject, grants, expiresAtMs, ...(issuer && { issuer }) };
  const token = await browserTokens.issue(claims);
  return { token, expireTime: formatTimestamp(expiresAtMs) };
}

/** A page that could write its own token would have every right; its backend decides. */
function refusePages(call: RestCall): void {
  if (!call.isCrossOrigin) return;
  const text = "Tokens are issued to a page's backend, not to pages of other origins.";
  throw new RpcError('PERMISSION_DENIED', 'TOKEN_FOR_PAGE', text);
}

/** RFC 8414 names are those of OpenID Connect Discovery 1.0, 3. */
function discovery(issuer: string): JsonValue {
  return {
    issuer,
    jwks_uri: `${issuer.replace(/\/$/, '')}/sealpost/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['aud', 'azp', 'email', 'email_verified', 'exp', 'iat', 'iss', 'sub'],
  };
}
