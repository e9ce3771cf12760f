import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';

import type { CryptoKey, CryptoKeyVersion, KeyRing, RetiredResource } from '../../kms/index.ts';
import {
  AccessReasonSchema,
  CryptoKey_CryptoKeyPurposeSchema as PurposeSchema,
  CryptoKeySchema,
  CryptoKeyVersion_CryptoKeyVersionAlgorithmSchema as AlgorithmSchema,
  CryptoKeyVersion_CryptoKeyVersionStateSchema as StateSchema,
  CryptoKeyVersionSchema,
  KeyRingSchema,
  ProtectionLevelSchema,
  RetiredResourceSchema,
  type CryptoKey as CryptoKeyMessage,
  type CryptoKeyVersion as CryptoKeyVersionMessage,
  type KeyRing as KeyRingMessage,
  type ProtectionLevel,
  type RetiredResource as RetiredResourceMessage,
} from '../../proto/google/cloud/kms/v1/resources_pb.ts';
import { enumValue } from './enum-names.ts';

/** Cloud KMS's resources as its proto has them (google/cloud/kms/v1/resources.proto). */
export function keyRingToMessage({ name, createTimeMs }: KeyRing): KeyRingMessage {
  return create(KeyRingSchema, { name, createTime: timestampFromMs(createTimeMs) });
}

export function cryptoKeyToMessage(key: CryptoKey): CryptoKeyMessage {
  const { name, labels, primary, versionTemplate } = key;
  return create(CryptoKeySchema, {
    name,
    labels: { ...labels },
    purpose: enumValue(PurposeSchema, key.purpose),
    createTime: timestampFromMs(key.createTimeMs),
    versionTemplate: {
      protectionLevel: levelValue(versionTemplate.protectionLevel),
      algorithm: enumValue(AlgorithmSchema, versionTemplate.algorithm),
    },
    destroyScheduledDuration: { seconds: BigInt(key.destroyScheduledSeconds) },
    ...(primary && { primary: versionToMessage(primary) }),
    ...rotationOf(key),
    ...(key.allowedAccessReasons && {
      keyAccessJustificationsPolicy: {
        allowedAccessReasons: key.allowedAccessReasons.map((reason) =>
          enumValue(AccessReasonSchema, reason),
        ),
      },
    }),
  });
}

type Init = Exclude<MessageInitShape<typeof CryptoKeySchema>, CryptoKeyMessage>;

function rotationOf({
  nextRotationTimeMs,
  rotationPeriodSeconds,
}: CryptoKey): Pick<Init, 'nextRotationTime' | 'rotationSchedule'> {
  return {
    ...(nextRotationTimeMs !== undefined && {
      nextRotationTime: timestampFromMs(nextRotationTimeMs),
    }),
    ...(rotationPeriodSeconds !== undefined && {
      rotationSchedule: {
        case: 'rotationPeriod',
        value: { seconds: BigInt(rotationPeriodSeconds) },
      },
    }),
  };
}

export function versionToMessage(version: CryptoKeyVersion): CryptoKeyVersionMessage {
  const { name, generateTimeMs, destroyTimeMs, destroyEventTimeMs, externalKeyUri } = version;
  return create(CryptoKeyVersionSchema, {
    name,
    state: enumValue(StateSchema, version.state),
    protectionLevel: levelValue(version.protectionLevel),
    algorithm: enumValue(AlgorithmSchema, version.algorithm),
    createTime: timestampFromMs(version.createTimeMs),
    generationFailureReason: version.generationFailureReason ?? '',
    ...(generateTimeMs !== undefined && { generateTime: timestampFromMs(generateTimeMs) }),
    ...(destroyTimeMs !== undefined && { destroyTime: timestampFromMs(destroyTimeMs) }),
    ...(destroyEventTimeMs !== undefined && {
      destroyEventTime: timestampFromMs(destroyEventTimeMs),
    }),
    ...(externalKeyUri !== undefined && { externalProtectionLevelOptions: { externalKeyUri } }),
  });
}

export function retiredToMessage(retired: RetiredResource): RetiredResourceMessage {
  const { name, originalResource, resourceType, deleteTimeMs } = retired;
  const deleteTime = timestampFromMs(deleteTimeMs);
  return create(RetiredResourceSchema, { name, originalResource, resourceType, deleteTime });
}

export function levelValue(level: string): ProtectionLevel {
  return enumValue(ProtectionLevelSchema, level);
}
