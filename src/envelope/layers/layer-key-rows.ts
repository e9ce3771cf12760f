import { assert, type Logger } from '../../runtime/index.ts';
import type { KeyStore, MetaRow } from '../../storage/index.ts';
import { storageRefusal } from '../storage-refusal.ts';
import {
  decodeLayerKeyRow,
  encodeLayerKeyRow,
  isLayerKeyRowAt,
  layerKeyPrefix,
  layerKeyRowKey,
  layerKeyRowPrefix,
  type LayerKeyRow,
} from './layer-key-row.ts';
import { layerKeyDamaged } from './layer-key-wrapping.ts';
import type { LayerKeyPlace } from './layer-key.ts';

/** Stands while freed pages may still hold wrapped bytes that are to go. */
export const layerKeyErasure = 'vault/dek-erasure';

const pageRows = 200;
const attemptsMax = 20;

/** A row, and the version that a change of it must name. */
export interface ReadLayerKey {
  readonly row: LayerKeyRow;
  readonly version: number;
}

/**
 * The wrapped DEKs in the environment of the keys. What the storage refuses is thrown as RpcError,
 * as `storageRefusal` has it.
 */
export class LayerKeyRows {
  readonly #store: KeyStore;
  readonly #log: Logger;

  constructor(store: KeyStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Null if there is none. Throws DATA_LOSS if what is there is not the place's. */
  async read(place: LayerKeyPlace): Promise<ReadLayerKey | null> {
    const key = layerKeyRowKey(place);
    const stored = await asked(this.#store.get(key));
    if (stored === null) return null;
    const row = decodeLayerKeyRow(stored.value);
    if (row === null || !isLayerKeyRowAt(row, key)) throw layerKeyDamaged(place);
    if (row.place.project !== place.project) throw layerKeyDamaged(place);
    return { row, version: stored.version };
  }

  /** Durable when it resolves. False if there is one: somebody else made it. */
  insert(row: LayerKeyRow): Promise<boolean> {
    const key = layerKeyRowKey(row.place);
    return asked(this.#store.txn([{ key, version: 0 }], [{ key, value: encodeLayerKeyRow(row) }]));
  }

  /** False if it changed or went meanwhile. The old bytes leave with `finishErasure`. */
  replace(row: LayerKeyRow, version: number): Promise<boolean> {
    const key = layerKeyRowKey(row.place);
    const puts = [{ key, value: encodeLayerKeyRow(row) }, erasureMarker];
    return asked(this.#store.txn([{ key, version }], puts));
  }

  /** Every row that can be read, with its version. */
  async all(): Promise<ReadLayerKey[]> {
    const rows: ReadLayerKey[] = [];
    for (const { value, version } of await this.#rowsAt(layerKeyPrefix)) {
      const row = decodeLayerKeyRow(value);
      if (row !== null) rows.push({ row, version });
    }
    return rows;
  }

  /** Deletes every row of a service, whatever it holds; how many there were. */
  async remove(serviceUid: string): Promise<number> {
    for (let attempt = 0; ; attempt++) {
      assert(attempt < attemptsMax, 'rows that are erased do not change for ever');
      const rows = await this.#rowsAt(layerKeyRowPrefix(serviceUid));
      if (rows.length === 0) return 0;
      const checks = rows.map(({ key, version }) => ({ key, version }));
      const puts = rows.map(({ key }) => ({ key, value: null }));
      if (await asked(this.#store.txn(checks, [...puts, erasureMarker]))) return rows.length;
    }
  }

  /** Leaves no freed page of what was deleted or replaced. */
  async finishErasure(): Promise<void> {
    const marker = await asked(this.#store.get(layerKeyErasure));
    if (marker === null) return;
    await asked(this.#store.compact());
    // What was deleted during the compaction has raised the marker's version: it stays.
    const { key, version } = marker;
    await asked(this.#store.txn([{ key, version }], [{ key, value: null }]));
  }

  /** Finishes an erasure that a crash interrupted. A disk that refuses it does not stop the start. */
  async resume(): Promise<void> {
    try {
      await this.finishErasure();
    } catch (error) {
      this.#log.error(
        { err: error },
        'an erasure of DEKs could not be completed; the next one will',
      );
    }
  }

  async #rowsAt(prefix: string): Promise<MetaRow[]> {
    const rows: MetaRow[] = [];
    for (;;) {
      const after = rows.at(-1)?.key;
      const from = after === undefined ? {} : { after };
      const page = await asked(this.#store.list(prefix, { ...from, limit: pageRows }));
      rows.push(...page);
      if (page.length < pageRows) return rows;
    }
  }
}

const erasureMarker = { key: layerKeyErasure, value: Uint8Array.of(1) };

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw storageRefusal(error);
  }
}
