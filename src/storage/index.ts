/**
 * storage: gapless logs and compare-and-set rows, durable when a call resolves.
 *
 * Knows nothing of messages, keys or subscriptions: bodies are opaque sealed bytes. The only folder
 * that imports lmdb.
 */
export { LmdbStore, openLmdbStore, type LmdbStoreOptions } from './lmdb/lmdb-store.ts';
export type { KeyStore, MetaCheck, MetaPut, MetaRow, MetaStore } from './meta-store.ts';
export { StorageError, type StorageFault } from './storage-error.ts';
export {
  segmentKinds,
  type Append,
  type LogId,
  type Outcome,
  type Segment,
  type SegmentKind,
  type Store,
  type StoreStats,
  type Tail,
} from './store.ts';
