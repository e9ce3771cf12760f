import { operator } from '../../iam/index.ts';
import type { OutgoingClient } from '../../outgoing/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { AccountStore } from '../accounts/open-accounts.ts';
import type { Authenticator } from '../authenticator.ts';
import type { AccessTokens, IdTokens, TokenIssuer } from '../identity.ts';
import type { IssuerPlace } from '../oidc/key-fetch.ts';
import { placeOf } from '../oidc/oidc-principal.ts';
import { OidcTokens } from '../oidc/oidc-tokens.ts';
import { forCalls, forExchange, type OwnUrl } from './audience-check.ts';
import { acceptsIssuer } from './browser-issuer.ts';
import { GuardedChecks } from './guarded-checks.ts';
import { RefusalReasons } from './refusal-reasons.ts';
import { RefusedCredentials } from './refused-credentials.ts';
import { RequiredAuthenticator } from './required-authenticator.ts';
import { SelfSignedTokens } from './self-signed-tokens.ts';
import { TokenExchange } from './token-exchange.ts';
import type { UnverifiedToken } from './token-text.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface AuthenticatorOptions {
  /** False: everybody is the operator, and nothing of what follows is asked. */
  readonly isRequired: boolean;
  readonly store: AccountStore;
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
  readonly issuers: readonly IssuerPlace[];
  readonly audiences: readonly string[];
  /** Where we are called, which tokens may be meant for; ports become known late. */
  readonly ownUrls: () => readonly OwnUrl[];
  /** The way to issuers' keys. */
  readonly outgoing: OutgoingClient;
  readonly skewSeconds: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface OpenedAuthenticator extends Authenticator {
  /** What POST /token does; also where nobody is asked who he is. */
  readonly exchange: TokenExchange;
  accepts(issuer: TokenIssuer): boolean;
  /** Ends what is under way to issuers. */
  close(): void;
}

/** Puts together who finds out who calls. */
export function openAuthenticator(options: AuthenticatorOptions): OpenedAuthenticator {
  const { store, clock, accessTokens, idTokens, ownUrls } = options;
  const { directory } = store;
  const checks = new GuardedChecks(clock);
  const selfSigned = new SelfSignedTokens({ ...options, directory });
  const refused = new RefusedCredentials(options);
  const isAccessToken = (token: UnverifiedToken): boolean => accessTokens.isOurs(token);
  const reasons = new RefusalReasons({ ...options, directory, isAccessToken });
  const exchange = new TokenExchange({
    directory,
    selfSigned,
    forExchange: forExchange(ownUrls),
    accessTokens,
    idTokens,
    checks,
    refused,
    reasons,
  });
  const oidc = new OidcTokens(options);
  const callable = forCalls(ownUrls);
  const verifier = new TokenVerifier({
    directory,
    accessTokens,
    selfSigned,
    forCalls: callable,
    oidc,
  });
  const issuerPlaces = options.issuers.map(({ issuer }) => placeOf(issuer));
  const told = { refused, reasons, forCalls: callable };
  const asked = options.isRequired
    ? new RequiredAuthenticator({ store, verifier, checks, clock, issuerPlaces, ...told })
    : openToAll(store);
  return {
    isRequired: options.isRequired,
    authenticate: (presented) => asked.authenticate(presented),
    onRevoked: (listener) => asked.onRevoked(listener),
    exchange,
    accepts: (issuer) => acceptsIssuer(issuer, directory),
    close: () => oidc.close(),
  };
}

function openToAll(store: AccountStore): Authenticator {
  return {
    isRequired: false,
    authenticate: () => operator,
    onRevoked: (listener) => store.onRevoked(listener),
  };
}
