/**
 * storage: gapless logs and compare-and-set rows, durable when a call resolves.
 *
 * Knows nothing of messages, keys or subscriptions: bodies are opaque sealed bytes. The only folder
 * that imports lmdb.
 */
export { copyFile, hashFile, type AfterPiece, type CopiedFile } from './copied-file.ts';
export { lockDataDir, type DataDirLock } from './data-dir-lock.ts';
export { makeDirectory } from './directory.ts';
export { compactStore, type CompactionReport } from './lmdb/compaction.ts';
export { syncPath } from './lmdb/directory-sync.ts';
export type { DataSnapshot, DataSource } from './lmdb/environment-snapshot.ts';
export type { KeySource } from './lmdb/key-copy.ts';
export { openLmdbKeyStore, type LmdbKeyStoreOptions } from './lmdb/lmdb-key-store.ts';
export { openLmdbStore, type LmdbStoreOptions } from './lmdb/lmdb-store.ts';
export {
  openStoppedData,
  openStoppedKeys,
  type StoppedData,
  type StoppedKeys,
} from './lmdb/stopped-sources.ts';
export { FaultPlan, type MemoryFault } from './memory/fault-plan.ts';
export {
  MemoryStore,
  openMemoryKeyStore,
  openMemoryStore,
  type MemoryStoreOptions,
} from './memory/memory-store.ts';
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
