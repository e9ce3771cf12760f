import { associatedData, wipe } from '../../crypto/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { type KeyStore, type MetaRow, StorageError } from '../../storage/index.ts';
import { damagedRowError } from '../kms-error.ts';
import type { RecordKey } from '../root/record-key.ts';
import type { Table } from './records.ts';

export interface Row<T> {
  readonly id: string;
  /** The store's version of the row, to be named by the next write. */
  readonly version: number;
  readonly record: T;
}

/** A row to be written if it is still at `version`; 0: if it does not exist. */
export interface RowWrite {
  readonly key: string;
  readonly version: number;
  /** Null deletes the row. */
  readonly json: string | null;
}

/** Writes `record` over the row that `at` names. */
export function rowWrite<T>(
  table: Table<T>,
  at: { readonly id: string; readonly version: number },
  record: T,
): RowWrite {
  return { key: table.prefix + at.id, version: at.version, json: JSON.stringify(record) };
}

/** Deletes the row that `at` names, if it is still as it was read. */
export function rowRemoval<T>(
  table: Table<T>,
  at: { readonly id: string; readonly version: number },
): RowWrite {
  return { key: table.prefix + at.id, version: at.version, json: null };
}

/** What a commit does beside its writes. */
export interface CommitExtras {
  /** Keys of rows that must not exist. */
  readonly absent?: readonly string[];
  /** Keys of rows that are deleted, whatever they hold; those that are not there already too. */
  readonly removed?: readonly string[];
}

/** Rows that `each` reads at a time. */
const eachLimit = 500;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/**
 * The tables of the key service in the key store. Each row is sealed with its key and version as
 * associated data: a row that was changed, swapped with another or replayed under a later version
 * does not open, and the call fails with DATA_LOSS.
 */
export class SealedRows {
  readonly #store: KeyStore;
  readonly #key: RecordKey;

  constructor(store: KeyStore, key: RecordKey) {
    this.#store = store;
    this.#key = key;
  }

  async get<T>(table: Table<T>, id: string): Promise<Row<T> | null> {
    const row = await reachable(this.#store.get(table.prefix + id));
    return row && this.#open(table, row);
  }

  /** Rows whose id starts with `under` and is greater than `after`, in byte order. */
  async list<T>(
    table: Table<T>,
    under: string,
    range: { readonly after?: string; readonly limit: number },
  ): Promise<Row<T>[]> {
    const options = {
      limit: range.limit,
      ...(range.after !== undefined && { after: table.prefix + range.after }),
    };
    const rows = await reachable(this.#store.list(table.prefix + under, options));
    return rows.map((row) => this.#open(table, row));
  }

  /** Every row of a table that opens; `onDamaged` is told of the others. */
  async *each<T>(table: Table<T>, onDamaged: (error: unknown) => void): AsyncGenerator<Row<T>> {
    let after: string | undefined;
    while (true) {
      const options = { limit: eachLimit, ...(after !== undefined && { after }) };
      const rows = await reachable(this.#store.list(table.prefix, options));
      for (const row of rows) {
        const opened = this.#tryOpen(table, row, onDamaged);
        if (opened) yield opened;
      }
      after = rows.at(-1)?.key;
      if (rows.length < eachLimit) return;
    }
  }

  /** All writes or none, durable when it resolves; false if a row was at another version. */
  async commit(
    writes: readonly RowWrite[],
    { absent = [], removed = [] }: CommitExtras = {},
  ): Promise<boolean> {
    const checks = writes.map(({ key, version }) => ({ key, version }));
    const puts = writes.map((write) => ({ key: write.key, value: this.#seal(write) }));
    return await reachable(
      this.#store.txn(
        [...checks, ...absent.map((key) => ({ key, version: 0 }))],
        [...puts, ...removed.map((key) => ({ key, value: null }))],
      ),
    );
  }

  /** Rewrites the key environment without free pages. */
  async compact(): Promise<void> {
    await reachable(this.#store.compact());
  }

  #seal({ key, version, json }: RowWrite): Uint8Array | null {
    if (json === null) return null;
    return this.#key.seal(rowContext(key, version + 1), utf8.encode(json));
  }

  #tryOpen<T>(table: Table<T>, row: MetaRow, onDamaged: (error: unknown) => void): Row<T> | null {
    try {
      return this.#open(table, row);
    } catch (error) {
      onDamaged(error);
      return null;
    }
  }

  #open<T>(table: Table<T>, row: MetaRow): Row<T> {
    const bytes = this.#key.open(rowContext(row.key, row.version), row.value);
    if (bytes === null) throw damagedRowError(row.key);
    const record = table.read(JSON.parse(fromUtf8.decode(bytes)));
    wipe(bytes);
    return { id: row.key.slice(table.prefix.length), version: row.version, record };
  }
}

function rowContext(key: string, version: number): Uint8Array {
  return associatedData(['sealpost/kms/row/v1', key, String(version)]);
}

/** A store that cannot answer is an outage of the key service, not a verdict on a key. */
async function reachable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const isFull = error.fault === 'full';
    throw new RpcError(
      isFull ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE',
      isFull ? 'KEY_STORE_FULL' : 'KEY_STORE_UNAVAILABLE',
      isFull ? 'The key store is full.' : 'The key store cannot be reached.',
      { cause: error },
    );
  }
}
