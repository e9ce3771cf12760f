import { createPublicKey, webcrypto } from 'node:crypto';

import { compactVerify } from 'jose';

import type { Clock } from '../../runtime/index.ts';
import type { AccountKey } from '../accounts/account.ts';
import type { AccountDirectory, LiveAccount } from '../accounts/account-directory.ts';
import { AccountPrincipal } from './account-principal.ts';
import type { UnverifiedToken } from './token-text.ts';
import { endOfToken } from './token-times.ts';

type CryptoKey = webcrypto.CryptoKey;

export interface SelfSignedOptions {
  readonly directory: AccountDirectory;
  readonly clock: Clock;
  readonly skewSeconds: number;
}

/** What a token must say beside who signed it. */
export type ClaimsCheck = (token: UnverifiedToken) => boolean;

const lifetimeSecondsMax = 3_600;
const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const algorithms = ['RS256'];

/** Tokens that service accounts sign themselves, with a key of theirs that we know. */
export class SelfSignedTokens {
  readonly #options: SelfSignedOptions;
  /** A key's record is replaced when it changes, and takes what was read of it along. */
  readonly #imported: WeakMap<AccountKey, Promise<CryptoKey>> = new WeakMap();
  #unknown: Promise<CryptoKey> | undefined;

  constructor(options: SelfSignedOptions) {
    this.#options = options;
  }

  /** Whether a token says that a service account signed it: its issuer is an email. */
  isOurs({ issuer }: UnverifiedToken): boolean {
    return issuer.includes('@') && !issuer.includes('/');
  }

  /** The account; null for a token that is not good, which takes as long whatever is wrong. */
  async verify(token: UnverifiedToken, fits: ClaimsCheck): Promise<AccountPrincipal | null> {
    const { directory, clock, skewSeconds } = this.#options;
    const live = directory.byEmail(token.issuer);
    const key = live && usableKey(live, token.keyId, clock.wallMs());
    const isSigned = await this.#isSigned(token, key);
    if (!isSigned || live === undefined || key === undefined || !fits(token)) return null;
    const times = { skewSeconds, lifetimeSecondsMax, needsIssuedAt: true };
    const endMs = endOfToken(token.claims, clock.wallMs(), times);
    if (endMs === null) return null;
    const principal = new AccountPrincipal(live, { kind: 'key', id: key.id }, endMs);
    return principal.isValid() ? principal : null;
  }

  async #isSigned({ text }: UnverifiedToken, key: AccountKey | undefined): Promise<boolean> {
    try {
      const imported = key === undefined ? this.#unknownKey() : this.#import(key);
      await compactVerify(text, await imported, { algorithms });
      return key !== undefined;
    } catch {
      return false;
    }
  }

  #import(key: AccountKey): Promise<CryptoKey> {
    const known = this.#imported.get(key);
    if (known !== undefined) return known;
    const imported = importPublicKey(key.publicKey);
    this.#imported.set(key, imported);
    return imported;
  }

  /** Nobody has its private half: it only takes the time that a real one would. */
  #unknownKey(): Promise<CryptoKey> {
    const n = Buffer.alloc(256, 0xab).toString('base64url');
    const jwk = { kty: 'RSA', n, e: 'AQAB', alg: 'RS256' };
    return (this.#unknown ??= webcrypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify']));
  }
}

function usableKey(
  { account }: LiveAccount,
  id: string | undefined,
  nowMs: number,
): AccountKey | undefined {
  const key = account.keys.find((each) => each.id === id);
  if (key === undefined || key.isDisabled) return undefined;
  const isYoung = key.validBeforeMs === null || nowMs < key.validBeforeMs;
  // A key of ours is good from its making on, whatever a clock that was set back says.
  const isBegun = key.origin === 'GOOGLE_PROVIDED' || nowMs >= key.validAfterMs;
  return isYoung && isBegun ? key : undefined;
}

async function importPublicKey(spki: string): Promise<CryptoKey> {
  const der = Buffer.from(spki, 'base64');
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return key.toCryptoKey(algorithm, false, ['verify']);
}
