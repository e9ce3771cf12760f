/**
 * identity: tokens by which others know us, and by which we know pages in browsers.
 *
 * Keys are derived from the store key or stored under the root key; the only folder that uses jose.
 */
export type { Authenticator, PresentedCredentials } from './authenticator.ts';
export type {
  BrowserClaims,
  BrowserGrant,
  BrowserTokens,
  IdTokens,
  TokenIssuer,
} from './identity.ts';
export { type Identity, type IdentityOptions, openIdentity } from './open-identity.ts';
export { wrappedSigningKeys } from './signing-keys.ts';
