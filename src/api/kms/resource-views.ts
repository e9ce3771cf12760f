import type { CryptoKey } from '../../kms/crypto-keys.ts';
import type { IamPolicy, KeyRing, Page } from '../../kms/index.ts';
import type { CryptoKeyVersion } from '../../kms/key-versions.ts';
import type { JsonValue } from '../json.ts';

/** The JSON of Cloud KMS's resources (google/cloud/kms/v1/resources.proto). */
export function keyRingView(keyRing: KeyRing): JsonValue {
  return { name: keyRing.name, createTime: timestamp(keyRing.createTimeMs) };
}

export function cryptoKeyView(key: CryptoKey): JsonValue {
  return {
    name: key.name,
    ...(key.primary && { primary: versionView(key.primary) }),
    purpose: 'ENCRYPT_DECRYPT',
    createTime: timestamp(key.createTimeMs),
    versionTemplate: { protectionLevel: 'SOFTWARE', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' },
    ...(Object.keys(key.labels).length > 0 && { labels: { ...key.labels } }),
    destroyScheduledDuration: `${key.destroyScheduledSeconds}s`,
  };
}

export function versionView(version: CryptoKeyVersion): JsonValue {
  const createTime = timestamp(version.createTimeMs);
  return {
    name: version.name,
    state: version.state,
    createTime,
    protectionLevel: 'SOFTWARE',
    algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
    generateTime: createTime,
  };
}

export function policyView(policy: IamPolicy): JsonValue {
  if (policy.bindings.length === 0) return { etag: policy.etag };
  const bindings = policy.bindings.map(({ role, members, condition }) => ({
    role,
    members: [...members],
    ...(condition !== undefined && { condition: { ...condition } }),
  }));
  return { version: policy.version, etag: policy.etag, bindings };
}

/** A page under the name of its items, empty fields left out as proto3 JSON does. */
export function pageView<T>(name: string, page: Page<T>, view: (item: T) => JsonValue): JsonValue {
  return {
    ...(page.items.length > 0 && { [name]: page.items.map(view) }),
    ...(page.nextPageToken !== '' && { nextPageToken: page.nextPageToken }),
  };
}

/** RFC 3339 with as many digits as proto3 JSON gives: none or three. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
