import type { Principal } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { apiKeyIdOf, fitsApiKey, isApiKeyText } from '../accounts/api-key-text.ts';
import type { AccountStore } from '../accounts/open-accounts.ts';
import type { Authenticator, PresentedCredentials } from '../authenticator.ts';
import { AccountPrincipal } from './account-principal.ts';
import { certificatePrincipal } from './certificate-principal.ts';
import type { GuardedChecks } from './guarded-checks.ts';
import { badCredentials, missingCredentials } from './refusal.ts';
import type { RefusalReasons } from './refusal-reasons.ts';
import type { RefusedCredentials } from './refused-credentials.ts';
import type { ClaimsCheck } from './self-signed-tokens.ts';
import { readToken, tokenCharactersMax } from './token-text.ts';
import { claimedIdentity, type TokenVerifier } from './token-verifier.ts';
import { digestOf, VerifiedCache } from './verified-cache.ts';

export interface RequiredAuthenticatorOptions {
  readonly store: AccountStore;
  readonly verifier: TokenVerifier;
  readonly checks: GuardedChecks;
  readonly clock: Clock;
  /** Hosts of token issuers, for whom no certificate may stand. */
  readonly issuerPlaces: readonly string[];
  /** What the operator is told of those who are refused, and of what it is made. */
  readonly refused: RefusedCredentials;
  readonly reasons: RefusalReasons;
  readonly forCalls: ClaimsCheck;
}

const verifiedMax = 20_000;
const scheme = 'Bearer ';

/** Asks everybody who he is. */
export class RequiredAuthenticator implements Authenticator {
  readonly isRequired = true;
  readonly #options: RequiredAuthenticatorOptions;
  readonly #verified: VerifiedCache;
  /** Checks under way by the digest of their token: one for all who show it at once. */
  readonly #underWay: Map<string, Promise<Principal>> = new Map();

  constructor(options: RequiredAuthenticatorOptions) {
    this.#options = options;
    this.#verified = new VerifiedCache(options.clock, verifiedMax);
  }

  /** An `authorization` decides, then an API key, then a certificate: the first that is there. */
  authenticate(presented: PresentedCredentials): Principal | Promise<Principal> {
    const { authorization, apiKey, certificate, address } = presented;
    if (authorization) return this.#byText(bearerOf(authorization), address);
    if (apiKey) return this.#byText(apiKey, address);
    if (certificate) return this.#byCertificate(certificate);
    throw missingCredentials();
  }

  onRevoked(listener: () => void): () => void {
    return this.#options.store.onRevoked(listener);
  }

  #byText(text: string, address: string | undefined): Principal | Promise<Principal> {
    if (text.length > tokenCharactersMax) throw badCredentials();
    const digest = digestOf('text', text);
    const known = this.#verified.find(digest) ?? this.#underWay.get(digest);
    if (known !== undefined) return known;
    return isApiKeyText(text)
      ? this.#byApiKey(text, digest, address)
      : this.#byToken(text, digest, address);
  }

  #byApiKey(
    text: string,
    digest: string,
    address: string | undefined,
  ): Principal | Promise<Principal> {
    const { checks, store, refused, reasons } = this.#options;
    const id = apiKeyIdOf(text);
    const attempt = { address, identity: `apiKey ${id ?? ''}` };
    checks.admit(attempt);
    const live = id === undefined ? undefined : store.directory.byApiKey(id);
    const key = live?.account.apiKeys.find((each) => each.id === id);
    const isRight = fitsApiKey(text, key?.hash);
    if (!isRight || live === undefined || key === undefined || !live.isEnabled) {
      refused.add(reasons.ofApiKey(text));
      return checks.failed(attempt, badCredentials());
    }
    checks.succeeded(attempt);
    const credential = { kind: 'apiKey', id: key.id } as const;
    const principal = new AccountPrincipal(live, credential, Number.POSITIVE_INFINITY);
    this.#verified.keep(digest, principal);
    return principal;
  }

  #byToken(text: string, digest: string, address: string | undefined): Promise<Principal> {
    const { checks, verifier, refused, reasons, forCalls } = this.#options;
    const token = readToken(text);
    const attempt = { address, identity: token === null ? '' : claimedIdentity(token) };
    checks.admit(attempt);
    const tell = (): void => refused.add(reasons.ofToken(token, forCalls));
    if (token === null) {
      tell();
      return checks.failed(attempt, badCredentials());
    }
    const underWay = checks
      .run(attempt, () => verifier.verify(token))
      .then((principal) => {
        this.#verified.keep(digest, principal);
        return principal;
      })
      .catch((error: unknown) => {
        const refusal = error instanceof RpcError ? error : badCredentials(error);
        if (refusal.code === 'UNAUTHENTICATED') tell();
        throw refusal;
      })
      .finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, underWay);
    return underWay;
  }

  #byCertificate(der: Uint8Array): Principal {
    const digest = digestOf('certificate', der);
    const known = this.#verified.find(digest);
    if (known !== undefined) return known;
    const { store, clock, issuerPlaces, refused } = this.#options;
    const { directory } = store;
    const principal = certificatePrincipal(der, { directory, clock, issuerPlaces });
    if (principal === null) {
      refused.add({
        kind: 'certificate',
        claimed: '',
        reason: 'it names nobody, or a disabled one',
      });
      throw badCredentials();
    }
    this.#verified.keep(digest, principal);
    return principal;
  }
}

/** RFC 6750, 2.1. */
function bearerOf(authorization: string): string {
  if (authorization.startsWith(scheme)) return authorization.slice(scheme.length).trim();
  const isBearer = authorization.slice(0, scheme.length).toLowerCase() === scheme.toLowerCase();
  if (!isBearer) throw badCredentials();
  return authorization.slice(scheme.length).trim();
}
