import { type AeadKey, associatedData, openRecord, sealRecord, wipe } from '../../crypto/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Entropy } from '../../runtime/index.ts';
import { type KeyStore, type MetaRow, StorageError } from '../../storage/index.ts';
import type { ServiceAccount } from './account.ts';

export interface AccountRowsOptions {
  /** The environment of the keys. */
  readonly rows: KeyStore;
  /** Seals the rows; derived from the store key for this alone. */
  readonly key: AeadKey;
  readonly entropy: Entropy;
}

export interface StoredAccount {
  readonly account: ServiceAccount;
  readonly version: number;
}

/** What the keys of accounts' rows begin with: `identity/account/EMAIL`. */
export const accountRowsPrefix = 'identity/account/';

const pageRows = 200;
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/**
 * Accounts in the environment of the keys, one row each with all its keys, so that an account is
 * created, changed and deleted whole. Each row is sealed with its key and version.
 */
export class AccountRows {
  readonly #options: AccountRowsOptions;

  constructor(options: AccountRowsOptions) {
    this.#options = options;
  }

  /** Each row; null for one that does not open. */
  async *each(): AsyncGenerator<{ readonly key: string; readonly stored: StoredAccount | null }> {
    let after: string | undefined;
    while (true) {
      const page = { limit: pageRows, ...(after !== undefined && { after }) };
      const rows = await reachable(this.#options.rows.list(accountRowsPrefix, page));
      for (const row of rows) yield { key: row.key, stored: this.#open(row) };
      after = rows.at(-1)?.key;
      if (rows.length < pageRows) return;
    }
  }

  /** Null if there is none; @throws RpcError DATA_LOSS for one that does not open */
  async get(email: string): Promise<StoredAccount | null> {
    const row = await reachable(this.#options.rows.get(accountRowsPrefix + email));
    if (row === null) return null;
    const stored = this.#open(row);
    if (stored !== null) return stored;
    const text = `The stored account ${email} was changed, or sealed by another key.`;
    throw new RpcError('DATA_LOSS', 'ACCOUNT_DAMAGED', text);
  }

  /** Durable when it resolves; false if the row was at another version. Null deletes. */
  async write(email: string, version: number, account: ServiceAccount | null): Promise<boolean> {
    const key = accountRowsPrefix + email;
    const value = account && this.#seal(key, version + 1, account);
    return await reachable(this.#options.rows.txn([{ key, version }], [{ key, value }]));
  }

  #seal(key: string, version: number, account: ServiceAccount): Uint8Array {
    const plaintext = utf8.encode(JSON.stringify(account));
    const sealed = sealRecord(
      this.#options.key,
      contextOf(key, version),
      plaintext,
      this.#options.entropy,
    );
    wipe(plaintext);
    return sealed;
  }

  #open({ key, version, value }: MetaRow): StoredAccount | null {
    const bytes = openRecord(this.#options.key, contextOf(key, version), value);
    if (bytes === null) return null;
    const account = JSON.parse(fromUtf8.decode(bytes)) as ServiceAccount;
    wipe(bytes);
    return { account, version };
  }
}

function contextOf(key: string, version: number): Uint8Array {
  return associatedData(['sealpost/identity/account/v1', key, String(version)]);
}

async function reachable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (!(cause instanceof StorageError)) throw cause;
    const text = 'The accounts cannot be reached in the key store.';
    throw new RpcError('UNAVAILABLE', 'ACCOUNT_STORE_UNAVAILABLE', text, { cause });
  }
}
