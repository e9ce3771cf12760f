/**
 * envelope: DEKs and the bytes that they seal: message segments, ack records, metadata rows.
 *
 * Opens nothing that was changed, moved or replayed elsewhere; stores no unwrapped key.
 */
export type {
  Dek,
  DekEvent,
  DekManager,
  RewrapOrder,
  RewrapOutcome,
  SealedTopic,
  StoredDek,
} from './dek.ts';
export { EnvelopeError, type EnvelopeReason } from './envelope-error.ts';
export { bitmapBytes, type FilterSection } from './filter-section.ts';
export { segmentPlainBytes, type SegmentPlace } from './segment.ts';
export {
  openSegment,
  segmentDekVersion,
  segmentFilters,
  verifiedFilters,
  type OpenedSegment,
  type StoredSegment,
} from './segment-opener.ts';
export { sealSegment } from './segment-sealer.ts';
export {
  type ImageConfigPlace,
  openImageConfig,
  sealImageConfig,
} from './layers/image-config-seal.ts';
export { keyPurposes, type VaultKeyPurpose } from './layers/key-purposes.ts';
export type {
  LayerKey,
  LayerKeyObserver,
  LayerKeyPlace,
  LayerKeyRewrap,
  LayerKeys,
  LayerKeyUse,
  StoredLayerKey,
} from './layers/layer-key.ts';
export {
  layerKeyPrefixes,
  layerKeyVerifiable,
  type LayerKeyVerifiableOptions,
} from './layers/layer-key-verifiable.ts';
export { type LayerKeysOptions, openLayerKeys } from './layers/stored-layer-keys.ts';
export { openDekManager, type DekManagerOptions } from './dek-manager.ts';
export type { DekCaps } from './deks/dek-limits.ts';
export type { ErasureJournal, ErasureReceipt } from './deks/dek-receipt.ts';
export type { DekObserver, EvictionCause } from './observer.ts';
export { SlowKeyService, type SlowKeyServiceOptions } from './propagation/slow-key-service.ts';
export { createRecordSealer, type RecordPlace, type RecordSealer } from './record-sealer.ts';
export { openSealedMeta, type SealedMetaOptions } from './sealed-meta.ts';
export { openStoreKey, type StoreKey, type StoreKeyOptions, wrappedStoreKey } from './store-key.ts';
export { storageRefusal } from './storage-refusal.ts';
export { dekPrefixes, dekVerifiable, type DekVerifiableOptions } from './verification.ts';
