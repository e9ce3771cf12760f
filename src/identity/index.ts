/**
 * identity: who calls, service accounts and their keys, and tokens by which others know us.
 *
 * Keys are derived from the store key or stored under the root key; the only folder that uses jose.
 */
export { accountMember } from './accounts/account.ts';
export type { AccountKey, ApiKey, ServiceAccount } from './accounts/account.ts';
export type { AccountKeys, CreatedKey } from './accounts/account-keys.ts';
export { requireApiKey, requireKey } from './accounts/account-keys.ts';
export { accountRowsPrefix } from './accounts/account-rows.ts';
export type { Accounts, AccountTexts, NewAccount } from './accounts/accounts.ts';
export { base64Bytes } from './accounts/credentials-file.ts';
export {
  type AccountStore,
  type AccountStoreOptions,
  openAccounts,
} from './accounts/open-accounts.ts';
export type { OwnUrl } from './authentication/audience-check.ts';
export { issuerOf } from './authentication/browser-issuer.ts';
export {
  type AuthenticatorOptions,
  openAuthenticator,
  type OpenedAuthenticator,
} from './authentication/open-authenticator.ts';
export type { ExchangedToken, TokenExchange } from './authentication/token-exchange.ts';
export type { Authenticator, PresentedCredentials } from './authenticator.ts';
export type {
  AccessTokens,
  BrowserClaims,
  BrowserGrant,
  BrowserTokens,
  IdTokens,
  TokenIssuer,
} from './identity.ts';
export { type Identity, type IdentityOptions, openIdentity } from './open-identity.ts';
export { wrappedSigningKeys } from './signing-keys.ts';
