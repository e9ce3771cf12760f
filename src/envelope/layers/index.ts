/**
 * envelope/layers: the format of stored layers, without the keys' storage and service.
 *
 * A door of its own, for threads: they are handed an unwrapped key, and load what seals and opens
 * with it, but no key service and no store. The keys themselves are behind the envelope's door.
 */
export { layerHeaderBytes } from './layer-header.ts';
export {
  layerIndexMac,
  layerIndexMacBytes,
  type LayerIndexKey,
  layerObjectName,
  verifyLayerIndex,
} from './layer-index.ts';
export { type LayerOpenOptions, type LayerReader, openLayer } from './layer-reader.ts';
export { createLayerSealer, type LayerSealer, type LayerSealOptions } from './layer-sealer.ts';
