import { Serial } from '../../runtime/index.ts';
import { storageRefusal } from '../../envelope/index.ts';
import type { MetaCheck, MetaPut, MetaRow, MetaStore } from '../../storage/index.ts';
import { concurrentChange } from '../errors.ts';
import { decodeRow, encodeRow } from './catalog-rows.ts';

const listLimit = 1_000;

/** A row's key and what it becomes; null: it goes. */
export type RowChange = readonly [key: string, row: object | null];

/**
 * Rows under the versions that were last seen of them. Changes are made one after the other, each
 * durable before it is answered, all of its rows or none.
 */
export class RowStore {
  readonly #meta: MetaStore;
  readonly #versions = new Map<string, number>();
  readonly #changes = new Serial();
  readonly #onReadAgain: (key: string, row: unknown) => void;

  /** `onReadAgain` gets what is stored in place of what this writer believed. */
  constructor(meta: MetaStore, onReadAgain: (key: string, row: unknown) => void) {
    this.#meta = meta;
    this.#onReadAgain = onReadAgain;
  }

  /** One change after the other: `task` may look at what is there, and write. */
  async change<Result>(task: () => Promise<Result>): Promise<Result> {
    return await this.#changes.run(task);
  }

  has(key: string): boolean {
    return this.#versions.has(key);
  }

  async get(key: string): Promise<unknown> {
    const row = await this.#meta.get(key);
    return row === null ? null : this.#row(row);
  }

  async all(prefix: string): Promise<unknown[]> {
    const rows: MetaRow[] = [];
    for (;;) {
      const after = rows.at(-1)?.key;
      const page = await this.#meta.list(prefix, {
        limit: listLimit,
        ...(after === undefined ? {} : { after }),
      });
      rows.push(...page);
      if (page.length < listLimit) return rows.map((row) => this.#row(row));
    }
  }

  /** What is stored of a row that this writer knows of; else null. Throws RpcError. */
  async stored(key: string): Promise<unknown> {
    if (!this.#versions.has(key)) return null;
    return await this.lookUp(key);
  }

  /** What is stored, whoever wrote it. Throws RpcError. */
  async lookUp(key: string): Promise<unknown> {
    try {
      return await this.get(key);
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  /** Within a `change`. Throws ABORTED, with nothing written, if another writer was faster. */
  async write(name: string, changes: readonly RowChange[]): Promise<void> {
    const checks: MetaCheck[] = [];
    const puts: MetaPut[] = [];
    for (const [key, row] of changes) {
      checks.push({ key, version: this.#versions.get(key) ?? 0 });
      puts.push({ key, value: row === null ? null : encodeRow(row) });
    }
    let isDone: boolean;
    try {
      isDone = await this.#meta.txn(checks, puts);
    } catch (error) {
      isDone = await this.#stands(checks, puts);
      if (!isDone) throw storageRefusal(error);
    }
    if (!isDone) {
      await this.#readAgain(checks);
      throw concurrentChange(name);
    }
    for (const { key, version } of checks) this.#versions.set(key, version + 1);
    for (const { key, value } of puts) if (value === null) this.#versions.delete(key);
  }

  #row(row: MetaRow): unknown {
    this.#versions.set(row.key, row.version);
    return decodeRow(row.value);
  }

  /**
   * After a write that the storage did not confirm: whether it is there all the same. The versions
   * tell, as this is the one writer; contents do not, for a write may change nothing.
   */
  async #stands(checks: readonly MetaCheck[], puts: readonly MetaPut[]): Promise<boolean> {
    try {
      const rows = await Promise.all(checks.map(async ({ key }) => await this.#meta.get(key)));
      return checks.every(({ version }, i) => {
        const stored = rows[i] ?? null;
        return puts[i]?.value === null ? stored === null : stored?.version === version + 1;
      });
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  /** After a conflict: what this writer knew is not what is stored. */
  async #readAgain(checks: readonly MetaCheck[]): Promise<void> {
    try {
      for (const { key } of checks) {
        const row = await this.#meta.get(key);
        if (row === null) this.#versions.delete(key);
        else this.#onReadAgain(key, this.#row(row));
      }
    } catch (error) {
      throw storageRefusal(error);
    }
  }
}
