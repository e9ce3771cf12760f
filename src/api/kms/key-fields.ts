import { timestampMs, type Duration } from '@bufbuild/protobuf/wkt';

import {
  argumentError,
  unimplementedError,
  type AccessReason,
  type KeyAlgorithm,
  type KeyPurpose,
  type NewCryptoKey,
  type ProtectionLevel,
} from '../../kms/index.ts';
import {
  AccessReasonSchema,
  CryptoKey_CryptoKeyPurpose as Purpose,
  CryptoKey_CryptoKeyPurposeSchema as PurposeSchema,
  CryptoKeyVersion_CryptoKeyVersionAlgorithm as Algorithm,
  CryptoKeyVersion_CryptoKeyVersionAlgorithmSchema as AlgorithmSchema,
  ProtectionLevel as Level,
  ProtectionLevelSchema,
  type CryptoKey as CryptoKeyMessage,
} from '../../proto/google/cloud/kms/v1/resources_pb.ts';
import { enumName } from './enum-names.ts';

/** Reads Cloud KMS's fields from its messages; what is not built is refused by its name. */
const purposes: ReadonlySet<string> = new Set<KeyPurpose>([
  'ENCRYPT_DECRYPT',
  'RAW_ENCRYPT_DECRYPT',
  'MAC',
]);

const levels: ReadonlySet<string> = new Set<ProtectionLevel>(['SOFTWARE', 'HSM', 'EXTERNAL']);

const algorithms: ReadonlySet<string> = new Set<KeyAlgorithm>([
  'GOOGLE_SYMMETRIC_ENCRYPTION',
  'EXTERNAL_SYMMETRIC_ENCRYPTION',
  'AES_128_GCM',
  'AES_256_GCM',
  'AES_128_CBC',
  'AES_256_CBC',
  'AES_128_CTR',
  'AES_256_CTR',
  'HMAC_SHA1',
  'HMAC_SHA224',
  'HMAC_SHA256',
  'HMAC_SHA384',
  'HMAC_SHA512',
]);

/** @throws RpcError INVALID_ARGUMENT if it is missing, UNIMPLEMENTED for those of other keys */
export function purposeOf({ purpose }: CryptoKeyMessage): KeyPurpose {
  if (purpose === Purpose.CRYPTO_KEY_PURPOSE_UNSPECIFIED) {
    throw argumentError(
      'crypto_key.purpose',
      'Request field crypto_key.purpose must be specified.',
    );
  }
  const name = enumName(PurposeSchema, purpose);
  if (purposes.has(name)) return name as KeyPurpose;
  throw unimplementedError(`The key purpose ${name}`);
}

/** Undefined for UNSPECIFIED. @throws RpcError UNIMPLEMENTED */
export function levelOf(level: Level): ProtectionLevel | undefined {
  if (level === Level.PROTECTION_LEVEL_UNSPECIFIED) return undefined;
  const name = enumName(ProtectionLevelSchema, level);
  if (levels.has(name)) return name as ProtectionLevel;
  throw unimplementedError(`The protection level ${name}`);
}

/** Undefined for UNSPECIFIED. @throws RpcError INVALID_ARGUMENT for one of another purpose */
export function algorithmOf(algorithm: Algorithm, purpose: KeyPurpose): KeyAlgorithm | undefined {
  if (algorithm === Algorithm.CRYPTO_KEY_VERSION_ALGORITHM_UNSPECIFIED) return undefined;
  const name = enumName(AlgorithmSchema, algorithm);
  if (algorithms.has(name)) return name as KeyAlgorithm;
  throw argumentError(
    'crypto_key.version_template.algorithm',
    `Algorithm ${name} is not valid for the purpose ${purpose}.`,
  );
}

/** What of a CryptoKey may be set and changed again, as its message has it. */
export function scheduleOf(
  key: CryptoKeyMessage,
): Pick<NewCryptoKey, 'nextRotationTimeMs' | 'rotationPeriodSeconds'> {
  const { nextRotationTime, rotationSchedule } = key;
  const period = rotationSchedule.case === 'rotationPeriod' ? rotationSchedule.value : undefined;
  return {
    ...(nextRotationTime && { nextRotationTimeMs: timestampMs(nextRotationTime) }),
    ...(period && { rotationPeriodSeconds: wholeSeconds(period, 'crypto_key.rotation_period') }),
  };
}

export function accessReasonsOf(key: CryptoKeyMessage): readonly AccessReason[] | undefined {
  return key.keyAccessJustificationsPolicy?.allowedAccessReasons.map((reason) => {
    const name = enumName(AccessReasonSchema, reason);
    if (reason !== 0 && !/^[0-9]/.test(name)) return name as AccessReason;
    const field = 'crypto_key.key_access_justifications_policy.allowed_access_reasons';
    throw argumentError(field, `Request field ${field} has an invalid value: ${name}.`);
  });
}

/** @throws RpcError INVALID_ARGUMENT for a part of a second */
export function wholeSeconds({ seconds, nanos }: Duration, field: string): number {
  if (nanos === 0) return Number(seconds);
  throw argumentError(field, `Request field ${field} must be a whole number of seconds.`);
}
