import { type AeadKey, hkdfSha256, keyBytes, type SuiteProviders, wipe } from '../crypto/index.ts';
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
const wrapPurpose = 'sealpost/store-key/v1';

/** Loads the store key, or makes it when there is none; its row is durable before it is used. */
export async function openStoreKey(options: StoreKeyOptions): Promise<StoreKey> {
  const stored = (await options.rows.get(rowKey))?.value ?? (await insertNew(options));
  const root = options.rootKey.unwrapKey(stored, wrapPurpose);
  if (root.length !== keyBytes) {
    wipe(root);
    throw new RpcError('DATA_LOSS', 'STORE_KEY_DAMAGED', 'The store key is damaged.');
  }
  const aeadBytes = derive(root, 'records');
  const aead = options.providers.preferred.importKey(aeadBytes);
  wipe(aeadBytes);
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
async function insertNew({ rows, rootKey, entropy }: StoreKeyOptions): Promise<Uint8Array> {
  const root = draw(entropy, keyBytes);
  const value = rootKey.wrapKey(root, wrapPurpose);
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
