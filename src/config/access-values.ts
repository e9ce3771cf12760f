import { ConfigError } from './config-error.ts';
import { isLoopback, wholeNumber, type Parse } from './values.ts';

/** Whose tokens are believed, and where its keys are. */
export interface OidcIssuer {
  /** As it stands in the claim `iss`. */
  readonly issuer: string;
  /** Null: where its discovery document says. */
  readonly jwksUri: string | null;
}

/** A member of a policy that names one caller. */
export function accountMember(text: string): string {
  if (/^(?:serviceAccount|user):[^\s@]+@[^\s@]+$|^principal:\/\/[^\s]+$/.test(text)) return text;
  throw new ConfigError('must be serviceAccount:EMAIL, user:EMAIL or principal://…');
}

/** `URL`, or `URL=JWKS_URL`. */
export function oidcIssuer(text: string): OidcIssuer {
  const mark = text.indexOf('=');
  const issuer = mark < 0 ? text : text.slice(0, mark);
  const jwksUri = mark < 0 ? null : text.slice(mark + 1);
  if (isTrustworthy(issuer) && (jwksUri === null || isTrustworthy(jwksUri))) {
    return { issuer, jwksUri };
  }
  throw new ConfigError('must be an https URL (http on loopback only), perhaps =JWKS_URL');
}

/** Keys that come over plain HTTP from elsewhere could be anybody's. */
function isTrustworthy(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || `${url.username}${url.password}${url.hash}` !== '') return false;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(host));
}

export const clockSkew: Parse<number> = wholeNumber(0, 600);
