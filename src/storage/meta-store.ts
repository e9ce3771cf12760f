/** A stored value and the version that a later write must name. */
export interface MetaRow {
  readonly key: string;
  readonly value: Uint8Array;
  /** 1 on creation, one more on each write. */
  readonly version: number;
}

/** `version` 0 means: the key must not exist. */
export interface MetaCheck {
  readonly key: string;
  readonly version: number;
}

/** `value` null deletes. */
export interface MetaPut {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/**
 * Small rows under compare-and-set: topics, subscriptions, DEK rows, key material.
 *
 * Keys are UTF-8 of at most 1,000 bytes, ordered by their bytes.
 */
export interface MetaStore {
  get(key: string): Promise<MetaRow | null>;
  /** Rows whose key starts with `prefix` and is greater than `after`, in key order, at most `limit`. */
  list(
    prefix: string,
    options?: { readonly after?: string; readonly limit?: number },
  ): Promise<MetaRow[]>;
  /** All puts or none. False if a check failed, with nothing written. Durable when it resolves. */
  txn(checks: readonly MetaCheck[], puts: readonly MetaPut[]): Promise<boolean>;
}

/**
 * The environment of the keys: wrapped DEK rows and sealed key material, apart from the data so
 * that an erasure can be followed by a compaction that leaves no freed page behind.
 */
export interface KeyStore extends MetaStore {
  /** Rewrites the environment without free pages: copy, sync, rename over, unlink. */
  compact(): Promise<void>;
  close(): Promise<void>;
}
