import { checkMetaKey } from '../bounds.ts';
import type { MetaCheck, MetaPut, MetaRow, MetaStore } from '../meta-store.ts';
import type { CommitQueue, Mirror, Part } from './commit-queue.ts';
import type { LmdbEnvironment, Write } from './lmdb-environment.ts';
import { StorageError } from '../storage-error.ts';
import type { Answer } from './log-writes.ts';

const versionBytes = 8;

/** The rows of the database `meta`: key UTF-8, value version u64be ‖ bytes. */
export class MetaRows implements Mirror {
  readonly #environment: LmdbEnvironment;
  /** What the transaction under way does to a row; null deletes it. */
  readonly #planned = new Map<string, MetaRow | null>();

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
  }

  stored(key: string): MetaRow | null {
    const bytes = this.#environment.database('meta').get(encodeKey(key));
    return bytes ? decodeRow(key, bytes) : null;
  }

  planned(key: string): MetaRow | null {
    const row = this.#planned.get(key);
    return row === undefined ? this.stored(key) : row;
  }

  plan(put: MetaPut, writes: Write[]): void {
    const old = this.planned(put.key);
    if (put.value === null && old === null) return;
    const version = (old?.version ?? 0) + 1;
    const row = put.value === null ? null : { key: put.key, value: put.value, version };
    this.#planned.set(put.key, row);
    writes.push({ database: 'meta', key: encodeKey(put.key), value: row && encodeRow(row) });
  }

  /** True while rows that start so are on their way to the disk and must not be read yet. */
  isInFlight(prefix: string, isWhole: boolean): boolean {
    if (isWhole) return this.#planned.has(prefix);
    for (const key of this.#planned.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  *range(prefix: string, after: string | undefined): Generator<MetaRow> {
    const isLater = after !== undefined && Buffer.compare(encodeKey(after), encodeKey(prefix)) >= 0;
    const start = isLater ? encodeKey(after) : encodeKey(prefix || rowsFrom);
    const rows = this.#environment
      .database('meta')
      .getRange({ start, exclusiveStart: isLater, end: successor(prefix) });
    for (const { key, value } of rows) yield decodeRow(Buffer.from(key).toString(), value);
  }

  landed(): void {
    this.#planned.clear();
  }

  forget(): void {
    this.#planned.clear();
  }
}

/** Compare-and-set over the same group commit as the appends. */
export class LmdbMetaStore implements MetaStore {
  readonly #rows: MetaRows;
  readonly #queue: CommitQueue;

  constructor(rows: MetaRows, queue: CommitQueue) {
    this.#rows = rows;
    this.#queue = queue;
  }

  async get(key: string): Promise<MetaRow | null> {
    await this.#readable(key, true);
    return this.#rows.stored(key);
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<MetaRow[]> {
    await this.#readable(prefix, false);
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    const found: MetaRow[] = [];
    if (limit <= 0) return found;
    for (const row of this.#rows.range(prefix, options.after)) {
      found.push(row);
      if (found.length >= limit) break;
    }
    return found;
  }

  async txn(checks: readonly MetaCheck[], puts: readonly MetaPut[]): Promise<boolean> {
    for (const { key } of [...checks, ...puts]) checkMetaKey(key);
    return new Promise<boolean>((resolve, reject) => {
      this.#queue.submit(new MetaPart(checks, puts, this.#rows, { resolve, reject }));
    });
  }

  /** A row is not shown before it is durable. */
  async #readable(prefix: string, isWhole: boolean): Promise<void> {
    this.#queue.assertOpen();
    while (!this.#queue.isUsable || this.#rows.isInFlight(prefix, isWhole)) {
      if (this.#queue.isUsable) await this.#queue.current();
      else await this.#queue.mended();
    }
  }
}

class MetaPart implements Part {
  readonly bytes: number;
  readonly #checks: readonly MetaCheck[];
  readonly #puts: readonly MetaPut[];
  readonly #rows: MetaRows;
  readonly #answer: Answer<boolean>;
  #passed = false;

  constructor(
    checks: readonly MetaCheck[],
    puts: readonly MetaPut[],
    rows: MetaRows,
    answer: Answer<boolean>,
  ) {
    this.#checks = checks;
    this.#puts = puts;
    this.#rows = rows;
    this.#answer = answer;
    this.bytes = puts.reduce((sum, put) => sum + put.key.length + (put.value?.length ?? 0), 64);
  }

  /**
   * Updates and deletes go on while the disk is full; new rows do not, beyond the one that a
   * deleted row may leave in its place.
   */
  grows(): boolean {
    const isThere = (put: MetaPut): boolean => this.#rows.planned(put.key) !== null;
    const added = this.#puts.filter((put) => put.value !== null && !isThere(put)).length;
    const deleted = this.#puts.filter((put) => put.value === null && isThere(put)).length;
    return added > deleted;
  }

  plan(writes: Write[]): void {
    this.#passed = this.#checks.every(
      ({ key, version }) => (this.#rows.planned(key)?.version ?? 0) === version,
    );
    if (this.#passed) for (const put of this.#puts) this.#rows.plan(put, writes);
  }

  settle(how: 'landed' | 'unknown'): void {
    if (how === 'landed' || !this.#passed) this.#answer.resolve(this.#passed);
    else this.#answer.reject(unknownFate());
  }

  fail(error: unknown): void {
    this.#answer.reject(error);
  }
}

/** Below every row: the key of one zero byte is the engine's own. */
const rowsFrom = '\u0001';

function encodeKey(key: string): Uint8Array {
  return Buffer.from(key);
}

/** The first key after all that start with `prefix`. UTF-8 has no byte 0xff. */
function successor(prefix: string): Uint8Array {
  if (prefix === '') return Buffer.from([0xff]);
  const bytes = Buffer.from(prefix);
  bytes[bytes.length - 1]! += 1;
  return bytes;
}

function encodeRow(row: MetaRow): Uint8Array {
  const bytes = Buffer.alloc(versionBytes + row.value.length);
  bytes.writeBigUInt64BE(BigInt(row.version), 0);
  bytes.set(row.value, versionBytes);
  return bytes;
}

function decodeRow(key: string, bytes: Uint8Array): MetaRow {
  const version = Buffer.from(bytes.buffer, bytes.byteOffset, versionBytes).readBigUInt64BE(0);
  return { key, value: bytes.subarray(versionBytes), version: Number(version) };
}

function unknownFate(): StorageError {
  return new StorageError('io', 'The disk failed during a commit: it may have landed; look again');
}
