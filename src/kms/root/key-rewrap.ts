import { wipe } from '../../crypto/index.ts';
import { assert } from '../../runtime/index.ts';
import type { KeyStore, MetaRow } from '../../storage/index.ts';
import { versionName } from '../names.ts';
import { type VersionRecord, versionTable } from '../rows/records.ts';
import { type Row, rowWrite, SealedRows } from '../rows/sealed-rows.ts';
import { type HeldRootKey, wrappingId } from './held-root-key.ts';
import { openRowKey, type RowKeyOptions, wrappedRowKey } from './row-key.ts';

/** Rows of the key store that end in a key wrapped by the root key, as their owners write them. */
export interface WrappedRows {
  readonly prefix: string;
  /** Where the wrapped key begins in the row's value. */
  readonly wrapAt: number;
  /** What the wrap binds. */
  readonly purpose: (row: MetaRow) => string;
}

export interface KeyRewrapOptions extends Omit<RowKeyOptions, 'rootKey'> {
  readonly rootKey: HeldRootKey;
  /** Beside the key service's own: the store key, keys of ID tokens. */
  readonly wrapped: readonly WrappedRows[];
}

const pageRows = 100;
const passesMax = 100;

/**
 * Wraps by the present root key whatever the previous one wrapped, row by row, while the rows are in
 * use: one that changes meanwhile is met again in the next pass. Resumable at any row.
 */
export async function rewrapKeys(options: KeyRewrapOptions): Promise<void> {
  for (let pass = 0; pass < passesMax; pass++) {
    if ((await rewrapOnce(options)) === 0) return;
  }
  assert(false, 'rows that are wrapped anew stay so');
}

/** One pass; how many rows it found wrapped by the previous key. */
async function rewrapOnce(options: KeyRewrapOptions): Promise<number> {
  let found = 0;
  for (const rows of [wrappedRowKey, ...options.wrapped]) {
    found += await rewrapPlain(rows, options);
  }
  return found + (await rewrapVersions(options));
}

async function rewrapPlain(
  { prefix, wrapAt, purpose }: WrappedRows,
  { keyStore, rootKey }: KeyRewrapOptions,
): Promise<number> {
  let found = 0;
  for await (const row of allRows(keyStore, prefix)) {
    const wrapped = row.value.subarray(wrapAt);
    if (wrappingId(wrapped) !== rootKey.previousId) continue;
    found++;
    const again = wrapAnew(wrapped, purpose(row), rootKey);
    const value = new Uint8Array(Buffer.concat([row.value.subarray(0, wrapAt), again]));
    await keyStore.txn([{ key: row.key, version: row.version }], [{ key: row.key, value }]);
  }
  return found;
}

async function rewrapVersions(options: KeyRewrapOptions): Promise<number> {
  const { keyStore, rootKey } = options;
  const rowKey = await openRowKey(options);
  const rows = new SealedRows(keyStore, rowKey);
  try {
    let found = 0;
    let page: Row<VersionRecord>[] = [];
    do {
      const after = page.at(-1)?.id;
      page = await rows.list(versionTable, '', {
        limit: pageRows,
        ...(after !== undefined && { after }),
      });
      for (const row of page) found += (await rewrapVersion(rows, row, rootKey)) ? 1 : 0;
    } while (page.length === pageRows);
    return found;
  } finally {
    rowKey.destroy();
  }
}

async function rewrapVersion(
  rows: SealedRows,
  row: Row<VersionRecord>,
  rootKey: HeldRootKey,
): Promise<boolean> {
  const { material } = row.record;
  const text = material?.['wrappedKey'];
  if (text === undefined) return false;
  const wrapped = new Uint8Array(Buffer.from(text, 'base64'));
  if (wrappingId(wrapped) !== rootKey.previousId) return false;
  const again = wrapAnew(wrapped, purposeOfVersion(row.id), rootKey);
  const wrappedKey = Buffer.from(again).toString('base64');
  const record = { ...row.record, material: { ...material, wrappedKey } };
  await rows.commit([rowWrite(versionTable, row, record)]);
  return true;
}

/** Row ids end in the version's number, padded. */
function purposeOfVersion(rowId: string): string {
  const at = rowId.lastIndexOf('/');
  return `kms/version/${versionName(rowId.slice(0, at), Number(rowId.slice(at + 1)))}`;
}

function wrapAnew(wrapped: Uint8Array, purpose: string, rootKey: HeldRootKey): Uint8Array {
  const bytes = rootKey.unwrapKey(wrapped, purpose);
  try {
    return rootKey.wrapKey(bytes, purpose);
  } finally {
    wipe(bytes);
  }
}

/**
 * Stops with an InvariantError if any row that is not sealed still holds that id: rows of an owner
 * that `wrapped` does not know would be lost with the previous key.
 */
export async function requireNoneLeft(keyStore: KeyStore, previousId: string): Promise<void> {
  const id = Buffer.from(previousId, 'hex');
  for await (const { key, value } of allRows(keyStore, '')) {
    assert(!Buffer.from(value).includes(id), `the row ${key} is wrapped by the present root key`);
  }
}

async function* allRows(keyStore: KeyStore, prefix: string): AsyncGenerator<MetaRow> {
  let page: MetaRow[] = [];
  do {
    const after = page.at(-1)?.key;
    page = await keyStore.list(prefix, {
      limit: pageRows,
      ...(after !== undefined && { after }),
    });
    yield* page;
  } while (page.length === pageRows);
}
