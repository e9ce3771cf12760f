import { type AeadKey, associatedData, openRecord, sealRecord } from '../crypto/index.ts';
import { assert, type Entropy } from '../runtime/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { MetaCheck, MetaPut, MetaRow, MetaStore } from '../storage/index.ts';

export interface SealedMetaOptions {
  readonly inner: MetaStore;
  /** The store key. */
  readonly key: AeadKey;
  readonly entropy: Entropy;
}

/** Losing a race this often in a row means that the store does not keep its word. */
const attemptsMax = 1_000;

/**
 * A MetaStore whose values are sealed with their row's key and version as associated data: a value
 * that was changed, moved to another key or replayed under a later version does not open, and the
 * call throws DATA_LOSS. Keys stay clear. A row that was deleted starts again at version 1: its
 * old first value fits there.
 */
export function openSealedMeta(options: SealedMetaOptions): MetaStore {
  return new SealedMeta(options);
}

class SealedMeta implements MetaStore {
  readonly #inner: MetaStore;
  readonly #key: AeadKey;
  readonly #entropy: Entropy;

  constructor({ inner, key, entropy }: SealedMetaOptions) {
    this.#inner = inner;
    this.#key = key;
    this.#entropy = entropy;
  }

  async get(key: string): Promise<MetaRow | null> {
    const row = await this.#inner.get(key);
    return row && this.#open(row);
  }

  async list(
    prefix: string,
    options?: { readonly after?: string; readonly limit?: number },
  ): Promise<MetaRow[]> {
    const rows = await this.#inner.list(prefix, options);
    return rows.map((row) => this.#open(row));
  }

  /**
   * The version that a write will give its row must be known to seal it, so every put is checked:
   * one that the caller did not check is read first, and tried again if somebody came between.
   */
  async txn(checks: readonly MetaCheck[], puts: readonly MetaPut[]): Promise<boolean> {
    const keys = new Set(puts.map((put) => put.key));
    assert(keys.size === puts.length, 'a transaction puts each key once');
    const checked = new Map(checks.map(({ key, version }) => [key, version]));
    const unchecked = puts.filter(({ key, value }) => value !== null && !checked.has(key));
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const read = await this.#versions(unchecked);
      const versions = new Map([...checked, ...read]);
      const sealed = puts.map((put) => this.#seal(put, (versions.get(put.key) ?? 0) + 1));
      const extra = [...read].map(([key, version]) => ({ key, version }));
      if (await this.#inner.txn([...checks, ...extra], sealed)) return true;
      if (unchecked.length === 0 || (await this.#isRefuted(checks))) return false;
    }
    throw new RpcError('ABORTED', 'METADATA_CONTENTION', 'Too many writers of one row.');
  }

  async #versions(puts: readonly MetaPut[]): Promise<Map<string, number>> {
    const read = puts.map(async ({ key }) => {
      const row = await this.#inner.get(key);
      return [key, row?.version ?? 0] as const;
    });
    return new Map(await Promise.all(read));
  }

  /** Whether a check of the caller fails: else it was one of ours, and the write is tried again. */
  async #isRefuted(checks: readonly MetaCheck[]): Promise<boolean> {
    for (const { key, version } of checks) {
      if (((await this.#inner.get(key))?.version ?? 0) !== version) return true;
    }
    return false;
  }

  #seal({ key, value }: MetaPut, version: number): MetaPut {
    if (value === null) return { key, value };
    const context = contextOf(key, version);
    return { key, value: sealRecord(this.#key, context, value, this.#entropy) };
  }

  #open({ key, value, version }: MetaRow): MetaRow {
    const opened = openRecord(this.#key, contextOf(key, version), value);
    if (opened !== null) return { key, value: opened, version };
    throw new RpcError('DATA_LOSS', 'METADATA_TAMPERED', `Stored metadata ${key} is damaged.`);
  }
}

function contextOf(key: string, version: number): Uint8Array {
  return associatedData(['sealpost/meta-row/v1', key, String(version)]);
}
