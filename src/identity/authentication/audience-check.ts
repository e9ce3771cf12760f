import type { ClaimsCheck } from './self-signed-tokens.ts';

/** A URL at which this server is called: its host in lower case, without brackets' port. */
export interface OwnUrl {
  readonly host: string;
  readonly port: number;
}

const googleAudience =
  /^https:\/\/(?:[a-z0-9-]+-)?(?:pubsub|cloudkms|run|logging|iam|cloudresourcemanager)\.googleapis\.com(?:\/[A-Za-z0-9._/-]*)?$/;
const scopePrefix = 'https://www.googleapis.com/auth/';
const scopes = new Set(
  ['cloud-platform', 'pubsub', 'cloudkms', 'logging.admin', 'logging.read', 'iam'].map(
    (name) => scopePrefix + name,
  ),
);
const googleTokenUri = 'https://oauth2.googleapis.com/token';

/**
 * For calls: `sub` is who signed, and it is meant for one of our URLs, one of the services that we
 * stand for, or names a scope instead.
 */
export function forCalls(ownUrls: () => readonly OwnUrl[]): ClaimsCheck {
  return ({ issuer, claims: { sub, aud, scope } }) => {
    if (sub !== issuer) return false;
    // The Go libraries write an empty audience where others write none.
    if (aud === undefined || aud === '') return hasScope(scope);
    const audiences = [aud].flat();
    return audiences.some(
      (each) => typeof each === 'string' && (googleAudience.test(each) || isOwn(each, ownUrls())),
    );
  };
}

/** For the exchange at /token (RFC 7523): it is meant for that, and nobody else is impersonated. */
export function forExchange(ownUrls: () => readonly OwnUrl[]): ClaimsCheck {
  return ({ issuer, claims: { sub, aud } }) => {
    if (sub !== undefined && sub !== issuer) return false;
    if (typeof aud !== 'string') return false;
    if (aud === googleTokenUri) return true;
    return isOwn(aud, ownUrls()) && URL.parse(aud)?.pathname === '/token';
  };
}

function hasScope(scope: unknown): boolean {
  return typeof scope === 'string' && scope.split(' ').some((each) => scopes.has(each));
}

function isOwn(audience: string, ownUrls: readonly OwnUrl[]): boolean {
  const url = URL.parse(audience);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return false;
  if (`${url.username}${url.password}` !== '') return false;
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  return ownUrls.some((own) => own.host === url.hostname && own.port === port);
}
