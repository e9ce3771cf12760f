/**
 * crypto: AEAD suites by three providers, keyed hashes, KDF, commitment, the system's entropy.
 *
 * A plaintext byte leaves only after its tag was verified. The only folder that imports @noble/*
 * and sodium-native.
 */
export {
  keyBytes,
  sealIndex,
  segmentIdBytes,
  suiteIds,
  tagBytes,
  type AeadKey,
  type AeadProvider,
  type SegmentCipher,
  type SuiteId,
} from './suite.ts';
