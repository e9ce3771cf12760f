import type { KeyPurpose } from '../key-administration.ts';
import type { KeyAlgorithm, ProtectionLevel } from './key-provider.ts';

/** What an algorithm is for, and what it needs. Lengths are bytes. */
export interface AlgorithmRule {
  readonly purpose: KeyPurpose;
  readonly keyBytes: number;
  readonly levels: readonly ProtectionLevel[];
  /** Of RAW_ENCRYPT_DECRYPT alone. */
  readonly mode?: 'GCM' | 'CBC' | 'CTR';
  /** Of MAC alone: the tag's length. */
  readonly macBytes?: number;
}

const inside: readonly ProtectionLevel[] = ['SOFTWARE', 'HSM'];

function raw(keyBytes: number, mode: 'GCM' | 'CBC' | 'CTR'): AlgorithmRule {
  return { purpose: 'RAW_ENCRYPT_DECRYPT', keyBytes, levels: inside, mode };
}

/** Keys as long as the hash, as Cloud KMS makes them. */
function mac(macBytes: number): AlgorithmRule {
  return { purpose: 'MAC', keyBytes: macBytes, levels: inside, macBytes };
}

export const keyAlgorithms: Readonly<Record<KeyAlgorithm, AlgorithmRule>> = {
  GOOGLE_SYMMETRIC_ENCRYPTION: { purpose: 'ENCRYPT_DECRYPT', keyBytes: 32, levels: inside },
  EXTERNAL_SYMMETRIC_ENCRYPTION: { purpose: 'ENCRYPT_DECRYPT', keyBytes: 0, levels: ['EXTERNAL'] },
  AES_128_GCM: raw(16, 'GCM'),
  AES_256_GCM: raw(32, 'GCM'),
  AES_128_CBC: raw(16, 'CBC'),
  AES_256_CBC: raw(32, 'CBC'),
  AES_128_CTR: raw(16, 'CTR'),
  AES_256_CTR: raw(32, 'CTR'),
  HMAC_SHA1: mac(20),
  HMAC_SHA224: mac(28),
  HMAC_SHA256: mac(32),
  HMAC_SHA384: mac(48),
  HMAC_SHA512: mac(64),
};

/** What a key of that purpose and level gets where none is asked for; null: one must be. */
export function defaultAlgorithm(purpose: KeyPurpose, level: ProtectionLevel): KeyAlgorithm | null {
  if (purpose !== 'ENCRYPT_DECRYPT') return null;
  return level === 'EXTERNAL' ? 'EXTERNAL_SYMMETRIC_ENCRYPTION' : 'GOOGLE_SYMMETRIC_ENCRYPTION';
}
