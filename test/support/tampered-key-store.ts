import type { KeyStore, MetaRow } from '../../src/storage/index.ts';

/** A key store in which some rows are not what was written; reads only. */
export class TamperedKeyStore implements KeyStore {
  readonly #inner: KeyStore;
  /** Null: the row is gone. */
  readonly changed: Map<string, MetaRow | null> = new Map();

  constructor(inner: KeyStore) {
    this.#inner = inner;
  }

  async get(key: string): Promise<MetaRow | null> {
    const changed = this.changed.get(key);
    return changed === undefined ? await this.#inner.get(key) : copyOf(changed);
  }

  async list(
    prefix: string,
    { after, limit }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<MetaRow[]> {
    const rows: MetaRow[] = [];
    for (const { key, ...row } of await this.#inner.list(prefix, after ? { after } : {})) {
      const changed = this.changed.get(key);
      const shown = changed === undefined ? { key, ...row } : copyOf(changed);
      if (shown !== null) rows.push(shown);
    }
    for (const [key, row] of this.changed) {
      const isNew = row !== null && key.startsWith(prefix) && (await this.#inner.get(key)) === null;
      if (isNew && (after === undefined || compare(key, after) > 0)) rows.push(copyOf(row)!);
    }
    return rows.toSorted((a, b) => compare(a.key, b.key)).slice(0, limit);
  }

  /** Puts the content of `from` where `to` is, version and all. */
  async move(from: string, to: string): Promise<void> {
    const row = await this.#inner.get(from);
    this.changed.set(to, row && { ...row, key: to });
  }

  /** The content of each where the other is. */
  async swap(a: string, b: string): Promise<void> {
    await this.move(a, b);
    await this.move(b, a);
  }

  /** Turns one bit of a row's value over. */
  async flip(key: string, bit: number): Promise<void> {
    const row = (await this.#inner.get(key))!;
    const value = row.value.slice();
    value[bit >> 3]! ^= 1 << (bit & 7);
    this.changed.set(key, { ...row, value });
  }

  async txn(): Promise<boolean> {
    throw new Error('a tampered key store is not written');
  }

  async compact(): Promise<void> {
    throw new Error('a tampered key store is not compacted');
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}

function copyOf(row: MetaRow | null): MetaRow | null {
  return row && { ...row, value: row.value.slice() };
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
