import type { RootKey } from '../kms/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import type { KeyStore } from '../storage/index.ts';
import { SignedAccessTokens } from './access-tokens.ts';
import { openBrowserTokens } from './browser-tokens.ts';
import { SignedIdTokens } from './id-tokens.ts';
import type { AccessTokens, BrowserTokens, IdTokens } from './identity.ts';
import { SigningKeys } from './signing-keys.ts';

export interface IdentityOptions {
  /** The environment of the keys. */
  readonly rows: KeyStore;
  readonly rootKey: Pick<RootKey, 'wrapKey' | 'unwrapKey'>;
  readonly storeKey: { deriveKey(purpose: string): Uint8Array };
  readonly clock: Clock;
  readonly log: Logger;
  /** The URL that ID tokens name as their issuer; asked late, when the port is known. */
  readonly issuer: () => string;
}

export interface Identity {
  readonly idTokens: IdTokens;
  readonly accessTokens: AccessTokens;
  readonly browserTokens: BrowserTokens;
  /** Forgets the tokens that were kept. */
  close(): void;
}

/** Tokens that this server issues. The key for ID tokens is made when the first is asked for. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { storeKey, clock, issuer } = options;
  const browserTokens = await openBrowserTokens(storeKey.deriveKey('browser tokens'), clock);
  const keys = new SigningKeys(options);
  const idTokens = new SignedIdTokens({ keys, clock, issuer });
  const accessTokens = new SignedAccessTokens({ keys, clock, issuer });
  return { idTokens, accessTokens, browserTokens, close: () => idTokens.clear() };
}
