import { hash } from 'node:crypto';

import type { AccountKey, ApiKey, ServiceAccount } from '../../identity/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';
import type { JsonObject } from '../json/json-body.ts';

/** As Google says that a key has no end. */
const endless = '9999-12-31T23:59:59Z';

export const accountName = ({ project, email }: ServiceAccount): string =>
  `projects/${project}/serviceAccounts/${email}`;

/** A google.iam.admin.v1.ServiceAccount. */
export function accountJson(account: ServiceAccount): JsonObject {
  const { project, uid, email, displayName, description, isDisabled } = account;
  return {
    name: accountName(account),
    projectId: project,
    uniqueId: uid,
    email,
    ...(displayName !== '' && { displayName }),
    etag: etagOf(account),
    ...(description !== '' && { description }),
    oauth2ClientId: uid,
    ...(isDisabled && { disabled: true }),
  };
}

/** Of what a PATCH can change, and which creation of the account it is. */
export function etagOf({ uid, displayName, description }: ServiceAccount): string {
  const texts = JSON.stringify([uid, displayName, description]);
  return hash('sha256', texts, 'buffer').subarray(0, 8).toString('base64');
}

/** A google.iam.admin.v1.ServiceAccountKey, without either half of the key. */
export function keyJson(account: ServiceAccount, key: AccountKey): JsonObject {
  const { id, origin, validAfterMs, validBeforeMs, isDisabled } = key;
  return {
    name: `${accountName(account)}/keys/${id}`,
    validAfterTime: formatTimestamp(validAfterMs),
    validBeforeTime: validBeforeMs === null ? endless : formatTimestamp(validBeforeMs),
    keyAlgorithm: 'KEY_ALG_RSA_2048',
    keyOrigin: origin,
    keyType: 'USER_MANAGED',
    ...(isDisabled && { disabled: true }),
  };
}

/** Of our own kind: an API key, without its text. */
export function apiKeyJson(account: ServiceAccount, apiKey: ApiKey): JsonObject {
  const { id, createdMs, displayName } = apiKey;
  return {
    name: `${accountName(account)}/apiKeys/${id}`,
    createTime: formatTimestamp(createdMs),
    ...(displayName !== '' && { displayName }),
  };
}
