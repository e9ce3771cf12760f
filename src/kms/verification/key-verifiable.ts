import { type SuiteProviders, wipe } from '../../crypto/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock, Entropy } from '../../runtime/index.ts';
import type { KeyStore, MetaRow } from '../../storage/index.ts';
import type { Verifiable, VerificationSink } from '../../verification/index.ts';
import type { WrappedRows } from '../root/key-rewrap.ts';
import { RootKeyError } from '../root/root-key-error.ts';
import { rootKeyStatusAt } from '../root/root-key-status.ts';
import type { RootKey } from '../root/root-key.ts';
import { openRowKey, wrappedRowKey } from '../root/row-key.ts';
import { retiredTable, type Table } from '../rows/records.ts';
import { SealedRows } from '../rows/sealed-rows.ts';
import { type RecordProblem, type RecordReader, recordChecks } from './record-checks.ts';

export interface KeyVerifiableOptions {
  readonly keyStore: KeyStore;
  readonly rootKey: RootKey;
  /** Where the root key, or its seal, lies. */
  readonly rootKeyPath: string;
  readonly suites: SuiteProviders;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Rows of others that are wrapped by the root key: they are unwrapped too. */
  readonly wrapped: readonly WrappedRows[];
  /** What the keys of rows begin with that another part looks at. */
  readonly elsewhere: readonly string[];
}

const pageRows = 50;
const idsPage = 200;
/** A row that changes so often while it is looked at is being used, not damaged. */
const attemptsMax = 5;

/**
 * The environment of the keys, but for what others look at: the root key's seal, the row key, every
 * row of the key service and what it says of the others, and the material of each SOFTWARE version.
 * A key that is gone with every row that names it is not missed here.
 */
export function keyVerifiable(options: KeyVerifiableOptions): Verifiable {
  return {
    part: 'keys',
    async verify(sink, signal) {
      verifySeal(options, sink);
      await new KeyWalk(options, sink).run(signal);
    },
  };
}

function verifySeal({ rootKeyPath, rootKey }: KeyVerifiableOptions, sink: VerificationSink): void {
  sink.expect(1);
  const where = `root key ${rootKeyPath}`;
  try {
    const { id } = rootKeyStatusAt(rootKeyPath);
    if (id === rootKey.id) sink.passed(1, 0);
    else sink.damaged(where, `it is of root key ${id}, but ${rootKey.id} is in use`);
  } catch (error) {
    if (!(error instanceof RootKeyError)) throw error;
    sink.damaged(where, error.message);
  }
}

/** One look at every row. */
class KeyWalk {
  readonly #options: KeyVerifiableOptions;
  readonly #sink: VerificationSink;

  constructor(options: KeyVerifiableOptions, sink: VerificationSink) {
    this.#options = options;
    this.#sink = sink;
  }

  async run(signal: AbortSignal): Promise<void> {
    const rowKey = await this.#rowKey();
    const { keyStore, clock } = this.#options;
    const reader = rowKey && readerOf(new SealedRows(keyStore, rowKey), this.#options);
    let page: MetaRow[] = [];
    do {
      const after = page.at(-1)?.key;
      const from = after === undefined ? {} : { after };
      page = await keyStore.list('', { ...from, limit: pageRows });
      const ours = page.filter(({ key }) => this.#isOurs(key));
      this.#sink.expect(ours.length);
      for (const { key } of ours) await this.#check(key, reader);
      await new Promise<void>((resolve) => clock.soon(resolve));
    } while (page.length === pageRows && !signal.aborted);
    rowKey?.destroy();
  }

  /** Null, and said so, if it is not there or does not unwrap. Makes none. */
  async #rowKey(): Promise<Awaited<ReturnType<typeof openRowKey>> | null> {
    const where = wrappedRowKey.prefix;
    this.#sink.expect(1);
    const row = await this.#options.keyStore.get(where);
    if (row === null) this.#sink.damaged(where, 'nothing is stored there');
    if (row === null) return null;
    try {
      const key = await openRowKey(this.#options);
      this.#sink.passed(1, row.value.length);
      return key;
    } catch (error) {
      this.#sink.damaged(where, lossOf(error));
      return null;
    }
  }

  #isOurs(key: string): boolean {
    if (key === wrappedRowKey.prefix) return false;
    return !this.#options.elsewhere.some((prefix) => key.startsWith(prefix));
  }

  async #check(key: string, reader: RowsReader | null): Promise<void> {
    const { keyStore } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const row = await keyStore.get(key);
      if (row === null) return this.#sink.expect(-1);
      const problems = await this.#problems(row, reader);
      if (problems === null) return this.#sink.unread(1, key, 'the key of these rows is damaged');
      if (problems.length === 0) return this.#sink.passed(1, row.value.length);
      const isStill = (await keyStore.get(key))?.version === row.version;
      if (!isStill && attempt < attemptsMax) continue;
      for (const { where, problem } of problems) this.#sink.damaged(where, problem);
      return;
    }
  }

  async #problems(
    row: MetaRow,
    reader: RowsReader | null,
  ): Promise<readonly RecordProblem[] | null> {
    const { wrapped, rootKey } = this.#options;
    const { key } = row;
    const isOf = ({ prefix }: { readonly prefix: string }): boolean => key.startsWith(prefix);
    try {
      const plain = wrapped.find(isOf);
      if (plain) {
        if (row.value.length <= plain.wrapAt) return [{ where: key, problem: 'it is too short' }];
        wipe(rootKey.unwrapKey(row.value.subarray(plain.wrapAt), plain.purpose(row)));
        return [];
      }
      const check = recordChecks.find(({ table }) => isOf(table));
      if (!check) return [{ where: key, problem: 'no such row is ever written' }];
      if (!reader) return null;
      const id = key.slice(check.table.prefix.length);
      const opened = await reader.rows.get(check.table, id);
      return opened ? await check.problems(id, opened.record, reader) : [];
    } catch (error) {
      return [{ where: key, problem: lossOf(error) }];
    }
  }
}

interface RowsReader extends RecordReader {
  readonly rows: SealedRows;
}

function readerOf(rows: SealedRows, { keyStore, rootKey }: KeyVerifiableOptions): RowsReader {
  let retired = new Set<string>();
  return {
    rows,
    rootKey,
    has: async (table, id) => (await keyStore.get(table.prefix + id)) !== null,
    ids: (table, under) => idsOf(keyStore, table, under),
    async record(table, id) {
      try {
        return (await rows.get(table, id))?.record ?? null;
      } catch (error) {
        lossOf(error);
        return null;
      }
    },
    async isRetired(resource) {
      // Read again, since it may have been deleted a moment ago.
      if (!retired.has(resource)) retired = await retiredResources(rows);
      return retired.has(resource);
    },
  };
}

async function retiredResources(rows: SealedRows): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { record } of rows.each(retiredTable, lossOf)) {
    found.add(record.originalResource);
  }
  return found;
}

async function idsOf<T>(keyStore: KeyStore, table: Table<T>, under: string): Promise<string[]> {
  const ids: string[] = [];
  let page: MetaRow[] = [];
  do {
    const after = page.at(-1)?.key;
    const from = after === undefined ? {} : { after };
    page = await keyStore.list(table.prefix + under, { ...from, limit: idsPage });
    for (const { key } of page) ids.push(key.slice(table.prefix.length));
  } while (page.length === idsPage);
  return ids;
}

/** What a DATA_LOSS says; anything else is thrown on: the store cannot be read. */
function lossOf(error: unknown): string {
  const { code, message } = RpcError.from(error);
  if (code !== 'DATA_LOSS') throw error;
  return message;
}
