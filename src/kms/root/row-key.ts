import { keyBytes, type SuiteProviders, wipe } from '../../crypto/index.ts';
import { assert, draw, type Entropy } from '../../runtime/index.ts';
import type { KeyStore } from '../../storage/index.ts';
import type { WrappedRows } from './key-rewrap.ts';
import { RecordKey } from './record-key.ts';
import type { RootKey } from './root-key.ts';

export interface RowKeyOptions {
  readonly keyStore: KeyStore;
  readonly rootKey: RootKey;
  readonly suites: SuiteProviders;
  readonly entropy: Entropy;
}

const row = 'kms/row-key';
const purpose = 'kms/row-key';

/** Where it is stored, for those who wrap it anew. */
export const wrappedRowKey: WrappedRows = { prefix: row, wrapAt: 0, purpose: () => purpose };

/**
 * The key that seals the key service's rows, made on first use. Wrapped by the root key, so a root
 * key can be replaced without resealing every row.
 *
 * @throws RpcError DATA_LOSS if the store was sealed under another root key, or is damaged
 */
export async function openRowKey(options: RowKeyOptions): Promise<RecordKey> {
  const { keyStore, rootKey } = options;
  const wrapped = (await keyStore.get(row))?.value ?? (await create(options));
  const bytes = rootKey.unwrapKey(wrapped, purpose);
  try {
    return new RecordKey(bytes, options.suites, options.entropy);
  } finally {
    wipe(bytes);
  }
}

async function create({ keyStore, rootKey, entropy }: RowKeyOptions): Promise<Uint8Array> {
  const bytes = draw(entropy, keyBytes);
  const value = rootKey.wrapKey(bytes, purpose);
  wipe(bytes);
  const isDone = await keyStore.txn([{ key: row, version: 0 }], [{ key: row, value }]);
  assert(isDone, 'the key store is opened by one process at a time');
  return value;
}
