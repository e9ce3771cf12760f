import { keyBytes, wipe } from '../crypto/index.ts';
import { draw } from '../runtime/index.ts';
import type { KmsContext } from './kms-context.ts';
import type { VersionRecord } from './rows/records.ts';

/** Bytes of a key's uid in a ciphertext, and of a version's. */
export const keyUidBytes = 16;
export const versionUidBytes = 15;

/** A new enabled version, its key drawn and wrapped for `name`. Nothing is stored yet. */
export function drawVersion(context: KmsContext, name: string): VersionRecord {
  const key = draw(context.entropy, keyBytes);
  try {
    return {
      uid: toBase64(draw(context.entropy, versionUidBytes)),
      state: 'ENABLED',
      createTimeMs: context.clock.wallMs(),
      wrappedKey: toBase64(context.rootKey.wrapKey(key, versionPurpose(name))),
    };
  } finally {
    wipe(key);
  }
}

/**
 * Lends a version's key for one synchronous use: it is unwrapped each time and zeroed after, so a
 * disabled version leaves nothing to evict.
 *
 * @throws RpcError DATA_LOSS if the stored material does not open.
 */
export function withVersionKey<T>(
  context: KmsContext,
  name: string,
  version: VersionRecord,
  use: (key: Uint8Array) => T,
): T {
  const key = context.rootKey.unwrapKey(fromBase64(version.wrappedKey), versionPurpose(name));
  try {
    return use(key);
  } finally {
    wipe(key);
  }
}

function versionPurpose(name: string): string {
  return `kms/version/${name}`;
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Only ever of wrapped keys, uids and ciphertext: the result may lie in Node's shared pool. */
export function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}
