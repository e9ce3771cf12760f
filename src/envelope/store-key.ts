import {
  type AeadKey,
  hkdfSha256,
  keyBytes,
  type SuiteId,
  type SuiteProviders,
  wipe,
} from '../crypto/index.ts';
import { draw, type Entropy } from '../runtime/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { KeyStore } from '../storage/index.ts';

export interface StoreKeyOptions {
  readonly rows: KeyStore;
  /** The root key of `kms`. */
  readonly rootKey: {
    wrapKey(bytes: Uint8Array, purpose: string): Uint8Array;
    unwrapKey(wrapped: Uint8Array, purpose: string): Uint8Array;
  };
  readonly entropy: Entropy;
  readonly providers: SuiteProviders;
}

/** The key of a data directory: for metadata rows, acknowledgement records, ack ids, page tokens. */
export interface StoreKey {
  /** Seals metadata rows and acknowledgement records. */
  readonly aead: AeadKey;
  /** 32 bytes for one purpose, by HKDF-SHA256; the caller owns and wipes them. */
  deriveKey(purpose: string): Uint8Array;
  destroy(): void;
}

const rowKey = 'store-key/1';

/** Where the store key is stored, wrapped by the root key, for who wraps it anew. */
export const wrappedStoreKey: {
  readonly prefix: string;
  readonly wrapAt: number;
  readonly purpose: (row: { readonly value: Uint8Array }) => string;
} = { prefix: rowKey, wrapAt: 1, purpose: ({ value }) => wrapPurpose(value[0] ?? 0) };

/** What the wrap binds: the suite that the records are sealed with is chosen once for a directory. */
function wrapPurpose(suite: number): string {
  return `sealpost/store-key/v1/suite-${suite}`;
}

/**
 * Loads the store key, or makes it when there is none; its row, suite (u8) ‖ wrapped key, is durable
 * before it is used.
 *
 * @throws RpcError DATA_LOSS if the row was changed, FAILED_PRECONDITION if its suite may not be
 * used in this process.
 */
export async function openStoreKey(options: StoreKeyOptions): Promise<StoreKey> {
  const stored = (await options.rows.get(rowKey))?.value ?? (await insertNew(options));
  const suite = stored[0] ?? 0;
  const root = options.rootKey.unwrapKey(stored.subarray(1), wrapPurpose(suite));
  return storeKeyFrom(root, importRecordKey(root, suite, options.providers));
}

function importRecordKey(root: Uint8Array, suite: number, providers: SuiteProviders): AeadKey {
  const provider = providers.for(suite);
  if (provider === undefined) {
    wipe(root);
    const text = `The data directory is sealed with suite ${suite}, which may not be used here.`;
    throw new RpcError('FAILED_PRECONDITION', 'SUITE_UNAVAILABLE', text);
  }
  const bytes = derive(root, 'records');
  const aead = provider.importKey(bytes);
  wipe(bytes);
  return aead;
}

function storeKeyFrom(root: Uint8Array, aead: AeadKey): StoreKey {
  return {
    aead,
    deriveKey: (purpose) => derive(root, `purpose/${purpose}`),
    destroy() {
      aead.destroy();
      wipe(root);
    },
  };
}

/** The wrapped key that is stored now: ours, or that of another process that was first. */
async function insertNew(options: StoreKeyOptions): Promise<Uint8Array> {
  const { rows, rootKey, entropy, providers } = options;
  const suite: SuiteId = providers.preferred.suite;
  const root = draw(entropy, keyBytes);
  const value = Uint8Array.of(suite, ...rootKey.wrapKey(root, wrapPurpose(suite)));
  wipe(root);
  if (await rows.txn([{ key: rowKey, version: 0 }], [{ key: rowKey, value }])) return value;
  const row = await rows.get(rowKey);
  if (row) return row.value;
  throw new RpcError('ABORTED', 'STORE_KEY_RACE', 'The store key was removed while it was made.');
}

function derive(root: Uint8Array, use: string): Uint8Array {
  const info = new TextEncoder().encode(`sealpost/store-key/v1/${use}`);
  return hkdfSha256(root, new Uint8Array(0), info, keyBytes);
}
