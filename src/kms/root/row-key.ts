import { keyBytes, type SuiteProviders, wipe } from '../../crypto/index.ts';
import { assert, draw, type Entropy } from '../../runtime/index.ts';
import type { KeyStore } from '../../storage/index.ts';
import { RecordKey } from './record-key.ts';
import { RootKeyError } from './root-key-file.ts';
import type { RootKey } from './root-key.ts';

export interface RowKeyOptions {
  readonly keyStore: KeyStore;
  readonly rootKey: RootKey;
  readonly suites: SuiteProviders;
  readonly entropy: Entropy;
}

/** The one row in the clear: the root key's id, in ASCII, and the row key wrapped by it. */
const row = 'kms/row-key';
const purpose = 'kms/row-key';
const idLength = 32;

/**
 * The key that seals the key service's rows, made on first use. Wrapped by the root key, so a root
 * key can be replaced without resealing every row.
 *
 * @throws RootKeyError if the store was sealed under another root key
 */
export async function openRowKey(options: RowKeyOptions): Promise<RecordKey> {
  const { keyStore, rootKey } = options;
  const stored = await keyStore.get(row);
  const value = stored?.value ?? (await create(options));
  requireSameRoot(value, rootKey.id);
  const bytes = rootKey.unwrapKey(value.subarray(idLength), purpose);
  try {
    return new RecordKey(bytes, options.suites, options.entropy);
  } finally {
    wipe(bytes);
  }
}

async function create({ keyStore, rootKey, entropy }: RowKeyOptions): Promise<Uint8Array> {
  const bytes = draw(entropy, keyBytes);
  const wrapped = rootKey.wrapKey(bytes, purpose);
  wipe(bytes);
  const value = new Uint8Array(idLength + wrapped.length);
  value.set(new TextEncoder().encode(rootKey.id));
  value.set(wrapped, idLength);
  const isDone = await keyStore.txn([{ key: row, version: 0 }], [{ key: row, value }]);
  assert(isDone, 'the key store is opened by one process at a time');
  return value;
}

function requireSameRoot(value: Uint8Array, rootKeyId: string): void {
  const storedId = new TextDecoder().decode(value.subarray(0, idLength));
  if (storedId === rootKeyId) return;
  throw new RootKeyError(
    `wrong root key: the key store was sealed under root key ${storedId.replace(/[^0-9a-f]/g, '?')}, ` +
      `but the root key file holds ${rootKeyId}: restore the right file`,
  );
}
