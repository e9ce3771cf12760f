import { X509Certificate } from 'node:crypto';

import type { Principal } from '../../iam/index.ts';
import { parseAccountEmail } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { AccountDirectory } from '../accounts/account-directory.ts';
import { segment } from '../oidc/oidc-principal.ts';
import { AccountPrincipal } from './account-principal.ts';

export interface CertificateOptions {
  readonly directory: AccountDirectory;
  readonly clock: Clock;
  /** Hosts of token issuers, whose members no certificate may stand for. */
  readonly issuerPlaces: readonly string[];
}

const spiffeId = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/;
const nameCharactersMax = 255;

/**
 * Whom a client certificate stands for, which TLS has verified; null for nobody. In this order: the
 * service account whose email is a subject alternative name; a SPIFFE ID; the subject's common name.
 */
export function certificatePrincipal(
  der: Uint8Array,
  { directory, clock, issuerPlaces }: CertificateOptions,
): Principal | null {
  const certificate = parse(der);
  if (certificate === null) return null;
  const endMs = certificate.validToDate.getTime();
  const nowMs = clock.wallMs();
  if (!(certificate.validFromDate.getTime() <= nowMs && nowMs < endMs)) return null;
  const names = alternativeNames(certificate.subjectAltName ?? '');
  if (names === null) return null;
  const accounts = namesOf(names, 'email').filter((email) => isAccount(email, directory));
  if (accounts.length > 0) return accountOf(accounts, directory, endMs);
  const member = spiffeMember(names, issuerPlaces) ?? commonNameMember(certificate);
  if (member === null) return null;
  return { member, email: member, groups: [], expiresAtMs: endMs, isValid: () => true };
}

function parse(der: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}

/** One that was deleted is nobody: its certificate does not fall back to another name of it. */
function isAccount(email: string, directory: AccountDirectory): boolean {
  return directory.byEmail(email) !== undefined || parseAccountEmail(email) !== undefined;
}

function accountOf(
  emails: readonly string[],
  directory: AccountDirectory,
  endMs: number,
): Principal | null {
  const [email, another] = emails;
  const live = email === undefined ? undefined : directory.byEmail(email);
  if (live === undefined || another !== undefined || !live.isEnabled) return null;
  return new AccountPrincipal(live, { kind: 'certificate' }, endMs);
}

/** One URI is a SPIFFE ID, several are none (X509-SVID, 2). */
function spiffeMember(names: readonly string[], issuerPlaces: readonly string[]): string | null {
  const [uri = '', another] = namesOf(names, 'URI');
  const [, domain, path] = spiffeId.exec(uri) ?? [];
  if (domain === undefined || path === undefined || another !== undefined) return null;
  if (path.split('/').some((part) => part === '.' || part === '..')) return null;
  const isTaken = issuerPlaces.some((place) => place.split(/[/:]/)[0] === domain);
  return isTaken || domain === 'x509' ? null : `principal://${domain}${path}`;
}

function commonNameMember(certificate: X509Certificate): string | null {
  const name: unknown = certificate.toLegacyObject().subject?.CN;
  if (typeof name !== 'string' || name === '' || name.length > nameCharactersMax) return null;
  return `principal://x509/subject/${segment(name)}`;
}

const namesOf = (names: readonly string[], kind: string): string[] =>
  names.flatMap((name) => (name.startsWith(`${kind}:`) ? [name.slice(kind.length + 1)] : []));

/** `email:…` and `URI:…`, as Node lists them; what could be misread it puts in JSON's quotes. */
function alternativeNames(text: string): string[] | null {
  const names: string[] = [];
  const pattern = /(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/gy;
  let end = 0;
  for (const [whole, kind = '', value = ''] of text.matchAll(pattern)) {
    end += whole.length;
    names.push(`${kind}:${value.startsWith('"') ? unquoted(value) : value}`);
  }
  return end === text.length ? names : null;
}

function unquoted(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return '';
  }
}
