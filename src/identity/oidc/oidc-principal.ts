import type { JWTPayload } from 'jose';

import type { Principal } from '../../iam/index.ts';

const groupsMax = 200;
const groupCharactersMax = 256;
const emailPattern = /^[^\s@:/]{1,200}@([a-z0-9](?:[-a-z0-9.]{0,250}[a-z0-9])?)$/;

/**
 * Who a verified token of an issuer is of. Members of policies: `user:EMAIL` where the issuer has
 * verified the email, and always `principal://ISSUER/subject/SUBJECT`; groups are those of the claim
 * `groups`, the first 200.
 */
export function oidcPrincipal(issuer: string, claims: JWTPayload, expiresAtMs: number): Principal {
  const place = placeOf(issuer);
  const subject = `principal://${place}/subject/${segment(claims.sub ?? '')}`;
  const groups = groupsOf(claims['groups']).map(
    (group) => `principalSet://${place}/group/${segment(group)}`,
  );
  const email = verifiedEmail(claims);
  if (email === null) return { member: subject, email: subject, groups, expiresAtMs, isValid };
  const [, domain = ''] = emailPattern.exec(email) ?? [];
  const member = `user:${email}`;
  return { member, email, groups: [subject, `domain:${domain}`, ...groups], expiresAtMs, isValid };
}

/** Without the scheme, and without the slash that some issuers end in. */
export function placeOf(issuer: string): string {
  return issuer.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** No part of a member may look like two: all but what subjects often hold is percent-encoded. */
export function segment(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(/%(?:7C|40|3A)/g, decodeURIComponent);
}

function verifiedEmail({ email, email_verified: isVerified }: JWTPayload): string | null {
  // Some issuers write the boolean as a text.
  if (typeof email !== 'string' || (isVerified !== true && isVerified !== 'true')) return null;
  const spelled = email.toLowerCase();
  return emailPattern.test(spelled) ? spelled : null;
}

/** Its issuer looks after it: we know of no state of it. */
const isValid = (): boolean => true;

const isGroup = (group: unknown): group is string =>
  typeof group === 'string' && group !== '' && group.length <= groupCharactersMax;

function groupsOf(claim: unknown): string[] {
  if (!Array.isArray(claim)) return [];
  return claim.filter(isGroup).slice(0, groupsMax);
}
