/**
 * crypto: AEAD suites by three providers, keyed hashes, KDF, commitment, the system's entropy.
 *
 * A plaintext byte leaves only after its tag was verified. The only folder that imports @noble/*
 * and sodium-native.
 */
export { associatedData, equalBytes, wipe } from './bytes.ts';
export { crc32c } from './crc32c.ts';
export { commitmentOf, hkdfSha256 } from './key-derivation.ts';
export { HeldKey } from './key-memory.ts';
export { keyedHash, keyedHashInto } from './keyed-hash.ts';
export { aeadProviders, type SuiteProviders } from './provider-choice.ts';
export {
  hmac,
  type MacHash,
  rawBlockBytes,
  rawDecrypt,
  rawEncrypt,
  type RawInput,
  type RawMode,
} from './raw-cipher.ts';
export { openRecord, sealRecord } from './record.ts';
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
export { systemEntropy } from './system-entropy.ts';
