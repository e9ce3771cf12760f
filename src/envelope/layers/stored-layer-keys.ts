import type { KeyService } from '../../kms/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { KeyStore } from '../../storage/index.ts';
import { layerKeyRowKey, layerKeyRowPrefix, storedLayerKey } from './layer-key-row.ts';
import { LayerKeyRows, type ReadLayerKey } from './layer-key-rows.ts';
import {
  layerKeyDamaged,
  rewrapLayerKey,
  unwrapLayerKey,
  wrapNewLayerKey,
} from './layer-key-wrapping.ts';
import type {
  LayerKey,
  LayerKeyObserver,
  LayerKeyPlace,
  LayerKeyRewrap,
  LayerKeys,
  LayerKeyUse,
  StoredLayerKey,
} from './layer-key.ts';

export interface LayerKeysOptions {
  /** The environment of the keys. */
  readonly rows: KeyStore;
  readonly keys: KeyService;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: LayerKeyObserver;
}

/** Opens the vault's DEKs, and finishes an erasure that a crash interrupted. */
export async function openLayerKeys(options: LayerKeysOptions): Promise<LayerKeys> {
  const rows = new LayerKeyRows(options.rows, options.log);
  await rows.resume();
  return new StoredLayerKeys(rows, options);
}

class StoredLayerKeys implements LayerKeys {
  readonly #rows: LayerKeyRows;
  readonly #options: LayerKeysOptions;
  /** By row key: a place's DEK that is being made. */
  readonly #making = new Map<string, Promise<LayerKey | null>>();

  constructor(rows: LayerKeyRows, options: LayerKeysOptions) {
    this.#rows = rows;
    this.#options = options;
  }

  async forDeploy(place: LayerKeyPlace): Promise<LayerKey> {
    const id = layerKeyRowKey(place);
    for (;;) {
      await this.#making.get(id)?.catch(() => null);
      const stored = await this.#rows.read(place);
      if (stored !== null) return (await unwrapLayerKey(this.#options, stored.row, 'deploy')).key;
      // Between the look and here another call may have begun to make it.
      if (this.#making.has(id)) continue;
      const made = await this.#make(id, place);
      if (made !== null) return made;
    }
  }

  forStart(place: LayerKeyPlace): Promise<LayerKey> {
    return this.#unwrapped(place, 'start');
  }

  forVerification(place: LayerKeyPlace): Promise<LayerKey> {
    return this.#unwrapped(place, 'verify');
  }

  async #unwrapped(place: LayerKeyPlace, use: LayerKeyUse): Promise<LayerKey> {
    const stored = await this.#rows.read(place);
    if (stored === null) throw layerKeyDamaged(place);
    return (await unwrapLayerKey(this.#options, stored.row, use)).key;
  }

  async list(): Promise<readonly StoredLayerKey[]> {
    return (await this.#rows.all()).map(({ row }) => storedLayerKey(row));
  }

  async rewrap(key: string | null): Promise<LayerKeyRewrap> {
    const found = await this.#rows.all();
    const asked = found.filter(({ row }) => key === null || isWrappedBy(row, key));
    const primaries = new Map<string, string>();
    const counts = { scanned: asked.length, rewrapped: 0, failed: 0 };
    try {
      for (const each of asked) {
        const outcome = await this.#rewrapped(each, primaries);
        if (outcome !== 'kept') counts[outcome]++;
      }
    } finally {
      await this.#rows.finishErasure();
    }
    return counts;
  }

  async shred(serviceUid: string): Promise<number> {
    const prefix = layerKeyRowPrefix(serviceUid);
    const making = [...this.#making].filter(([id]) => id.startsWith(prefix));
    await Promise.allSettled(making.map(([, made]) => made));
    const count = await this.#rows.remove(serviceUid);
    await this.#rows.finishErasure();
    return count;
  }

  /** Null if another process was first: its row is what counts. */
  async #make(id: string, place: LayerKeyPlace): Promise<LayerKey | null> {
    const making = this.#made(place);
    this.#making.set(id, making);
    try {
      return await making;
    } finally {
      this.#making.delete(id);
    }
  }

  /** The row is durable before the key is in anybody's hands. */
  async #made(place: LayerKeyPlace): Promise<LayerKey | null> {
    const { row, key } = await wrapNewLayerKey(this.#options, place);
    let isStored = false;
    try {
      isStored = await this.#rows.insert(row);
      return isStored ? key : null;
    } finally {
      if (!isStored) key.wipe();
    }
  }

  /** `primaries`: the versions that are known to be primary by now, by key. */
  async #rewrapped(
    { row, version }: ReadLayerKey,
    primaries: Map<string, string>,
  ): Promise<'rewrapped' | 'kept' | 'failed'> {
    if (primaries.get(row.keyName) === row.keyVersion) return 'kept';
    let moved;
    try {
      moved = await rewrapLayerKey(this.#options, row);
    } catch (error) {
      this.#options.log.warn({ service: row.place.serviceName, err: error }, 'DEK stays as it is');
      return 'failed';
    }
    primaries.set(row.keyName, moved.keyVersion);
    if (moved === row) return 'kept';
    // A row that went or moved meanwhile is not this call's any more.
    return (await this.#rows.replace(moved, version)) ? 'rewrapped' : 'kept';
  }
}

function isWrappedBy(row: ReadLayerKey['row'], name: string): boolean {
  return row.keyName === name || row.keyVersion === name;
}
