import type { LayerKey } from '../../envelope/index.ts';

/** Files of one sealed layer; a worker reads or writes them by itself. */
export interface ObjectFiles {
  /** 64 hex digits: HMAC of the diff_id under the key domain's secret. */
  readonly name: string;
  /** The sealed tar (docs/layer-format.md). */
  readonly dataPath: string;
  /** The clear, authenticated index of its entries. */
  readonly indexPath: string;
}

/** What is on disk. */
export interface StoredObject extends ObjectFiles {
  readonly bytesOnDisk: number;
  /** Images that need it. */
  readonly references: number;
}

/** Content-addressed ciphertext under `DATA_DIR/vault/objects`. Knows nothing of images' content. */
export interface ObjectStore {
  /** Same layer, same DEK, same name: a layer is stored once per key domain. */
  nameOf(key: LayerKey, diffId: string): string;
  /** Whoever asks counts on the object: if it is there, its grace begins anew. */
  has(name: string): Promise<boolean>;
  /** Where an object's files are, or will be. */
  files(name: string): ObjectFiles;
  /** Files to write to: in the same file system, invisible until published, swept after a crash. */
  stage(name: string): Promise<ObjectFiles>;
  /** Both files synced, renamed, their directory synced. If it is there by now, ours are dropped. */
  publish(staged: ObjectFiles): Promise<void>;
  abandon(staged: ObjectFiles): Promise<void>;
  list(): AsyncIterable<
    ObjectFiles & { readonly bytesOnDisk: number; readonly modifiedMs: number }
  >;
  /** Removes what is not in `needed` and is older than the grace; bytes that were freed. */
  collect(
    needed: ReadonlySet<string>,
    graceMs: number,
  ): Promise<{ removed: number; bytes: number }>;
  /** Bytes of all objects. */
  bytes(): Promise<number>;
}
