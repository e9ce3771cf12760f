import type { UnverifiedToken } from './authentication/token-text.ts';

/** What a browser token allows. */
export interface BrowserGrant {
  readonly verb: 'publish' | 'subscribe';
  /**
   * Full names of topics (both verbs) or subscriptions (`subscribe`). A name that ends in `*` stands
   * for all that begin so.
   */
  readonly resources: readonly string[];
}

/** Who had a browser token issued; what it grants is good only while he may it himself. */
export interface TokenIssuer {
  /** As policies name it: `serviceAccount:EMAIL`. */
  readonly member: string;
  /** What the audit log has. */
  readonly email: string;
  /** Further members that it was among. */
  readonly groups: readonly string[];
  /** Of a service account: its unique id, and by what it had shown who it is. */
  readonly account?: { readonly uid: string; readonly credential: string };
}

/** Who may do what until when: the checked content of a browser token. */
export interface BrowserClaims {
  /** Whom the token was issued for; a session can be resumed only by the same. */
  readonly subject: string;
  readonly grants: readonly BrowserGrant[];
  readonly expiresAtMs: number;
  /** Absent of tokens that were issued while nobody was asked who he is. */
  readonly issuer?: TokenIssuer;
}

/** Tokens for web pages: signed with a key derived from the store key (HS256), short-lived. */
export interface BrowserTokens {
  issue(claims: BrowserClaims): Promise<string>;
  /** Throws RpcError UNAUTHENTICATED: malformed, forged, expired, for another purpose. */
  verify(token: string): Promise<BrowserClaims>;
}

/** OpenID Connect tokens with which push shows who it is, and what endpoints check them by. */
export interface IdTokens {
  /** The issuer's URL, which serves the discovery document. */
  readonly issuer: string;
  /**
   * A signed token (RS256), reused until a few minutes before its end. `subject` is the account's
   * unique id, where it is known; else one that belongs to the email for ever.
   */
  idToken(request: {
    readonly email: string;
    readonly audience: string;
    readonly subject?: string;
  }): Promise<string>;
  /** RFC 7517: the public keys, the present and the previous ones. */
  jwks(): Promise<{ readonly keys: readonly Readonly<Record<string, unknown>>[] }>;
}

/** Whom an access token is of. */
export interface AccessClaims {
  /** The account's unique id. */
  readonly uid: string;
  readonly email: string;
  /** The key with which the account asked for the token, which dies with it. */
  readonly keyId: string;
  /** At most 3,600. */
  readonly lifetimeSeconds: number;
}

/** Tokens that /token gives for what a service account signed. */
export interface AccessTokens {
  /** A signed token (RS256). */
  issue(claims: AccessClaims): Promise<string>;
  /** Whether a token says that it is one of these. */
  isOurs(token: UnverifiedToken): boolean;
  /** Null for a token that is forged, expired, or of another purpose. */
  verify(
    token: UnverifiedToken,
  ): Promise<{ readonly uid: string; readonly keyId: string; readonly endMs: number } | null>;
}
