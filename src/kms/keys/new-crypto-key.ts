import type {
  CryptoKeyChange,
  CryptoKeyField,
  KeyPurpose,
  NewCryptoKey,
  VersionTemplate,
} from '../key-administration.ts';
import { argumentError } from '../kms-error.ts';
import { requireLabels } from './key-labels.ts';
import type { KmsContext } from '../kms-context.ts';
import { defaultAlgorithm, keyAlgorithms } from '../providers/key-algorithms.ts';
import type { ProtectionLevel } from '../providers/key-provider.ts';
import { providerOf, rawProviderOf } from '../providers/key-providers.ts';
import type { CryptoKeyRecord } from '../rows/records.ts';

const hourSeconds = 3600;
const daySeconds: number = 24 * hourSeconds;
export const destroyScheduledSecondsDefault: number = 30 * daySeconds;
const destroyScheduledSecondsMax: number = 120 * daySeconds;
/** cloudkms.v1 CryptoKey.rotation_period. */
const rotationPeriodSecondsMin: number = daySeconds;
const rotationPeriodSecondsMax: number = 876_000 * hourSeconds;

/** google.protobuf.Timestamp: a later one has no JSON, and would make its key's ring unreadable. */
const timestampMsMax: number = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** @throws RpcError INVALID_ARGUMENT; UNIMPLEMENTED for a level that this server has not */
export function requireNewKey(context: KmsContext, key: NewCryptoKey): VersionTemplate {
  requireLabels(key.labels);
  requireDestroyDelay(key.destroyScheduledSeconds);
  const template = requireTemplate(context, key.purpose, key.versionTemplate);
  requireRotation(context, key.purpose, template.protectionLevel, key);
  if (template.protectionLevel === 'EXTERNAL' && !key.skipInitialVersion) {
    throw argumentError(
      'skip_initial_version_creation',
      'Request field skip_initial_version_creation must be true for protection level EXTERNAL: ' +
        'a version of it needs an external_key_uri.',
    );
  }
  return template;
}

/**
 * A version template in full.
 *
 * @throws RpcError INVALID_ARGUMENT if the algorithm does not fit purpose and level
 */
function requireTemplate(
  { providers }: KmsContext,
  purpose: KeyPurpose,
  given: NewCryptoKey['versionTemplate'],
): VersionTemplate {
  const { protectionLevel } = given;
  const algorithm = given.algorithm ?? defaultAlgorithm(purpose, protectionLevel);
  const field = 'crypto_key.version_template.algorithm';
  if (algorithm === null) {
    throw argumentError(field, `Request field ${field} is required for purpose ${purpose}.`);
  }
  const rule = keyAlgorithms[algorithm];
  if (rule.purpose !== purpose || !rule.levels.includes(protectionLevel)) {
    throw argumentError(
      field,
      `Algorithm ${algorithm} is not valid for purpose ${purpose} and protection level ` +
        `${protectionLevel}.`,
    );
  }
  if (purpose === 'ENCRYPT_DECRYPT') providerOf(providers, protectionLevel);
  else rawProviderOf(providers, protectionLevel);
  return { protectionLevel, algorithm };
}

type Schedule = Pick<NewCryptoKey, 'nextRotationTimeMs' | 'rotationPeriodSeconds'>;

function requireRotation(
  { clock }: KmsContext,
  purpose: KeyPurpose,
  level: ProtectionLevel,
  { nextRotationTimeMs, rotationPeriodSeconds }: Schedule,
): void {
  if (nextRotationTimeMs === undefined && rotationPeriodSeconds === undefined) return;
  const next = 'crypto_key.next_rotation_time';
  const period = 'crypto_key.rotation_period';
  if (purpose !== 'ENCRYPT_DECRYPT' || level === 'EXTERNAL') {
    const why = `a key of purpose ${purpose} and protection level ${level}`;
    throw argumentError(period, `Automatic rotation is not supported for ${why}.`);
  }
  if (rotationPeriodSeconds === undefined) {
    throw argumentError(period, `Request field ${period} is required with ${next}.`);
  }
  if (nextRotationTimeMs === undefined) {
    throw argumentError(next, `Request field ${next} is required with ${period}.`);
  }
  const isShort = rotationPeriodSeconds < rotationPeriodSecondsMin;
  if (isShort || rotationPeriodSeconds > rotationPeriodSecondsMax) {
    throw argumentError(
      period,
      `Request field ${period} must be between ${rotationPeriodSecondsMin}s and ` +
        `${rotationPeriodSecondsMax}s.`,
    );
  }
  if (nextRotationTimeMs > timestampMsMax) {
    throw argumentError(next, `Request field ${next} must not be after the year 9999.`);
  }
  if (nextRotationTimeMs > clock.wallMs()) return;
  throw argumentError(next, `Request field ${next} must be in the future.`);
}

function requireDestroyDelay(seconds: number | undefined): void {
  if (seconds === undefined) return;
  if (seconds >= daySeconds && seconds <= destroyScheduledSecondsMax) return;
  throw argumentError(
    'crypto_key.destroy_scheduled_duration',
    `Request field crypto_key.destroy_scheduled_duration must be between ${daySeconds}s and ` +
      `${destroyScheduledSecondsMax}s.`,
  );
}

/**
 * A key's record with the fields of a mask replaced, or cleared where `change` lacks them.
 *
 * @throws RpcError INVALID_ARGUMENT
 */
export function changedKey(
  context: KmsContext,
  record: CryptoKeyRecord,
  change: CryptoKeyChange,
  fields: readonly CryptoKeyField[],
): CryptoKeyRecord {
  const { nextRotationTimeMs, rotationPeriodSeconds, allowedAccessReasons, ...rest } = record;
  const has = (field: CryptoKeyField): boolean => fields.includes(field);
  const labels = has('labels') ? (change.labels ?? {}) : record.labels;
  requireLabels(labels);
  const schedule = {
    next: has('next_rotation_time') ? change.nextRotationTimeMs : nextRotationTimeMs,
    period: has('rotation_period') ? change.rotationPeriodSeconds : rotationPeriodSeconds,
  };
  const reasons = has('key_access_justifications_policy')
    ? change.allowedAccessReasons
    : allowedAccessReasons;
  const changed: CryptoKeyRecord = {
    ...rest,
    labels,
    ...(has('version_template') && { versionTemplate: changedTemplate(context, record, change) }),
    ...(schedule.next !== undefined && { nextRotationTimeMs: schedule.next }),
    ...(schedule.period !== undefined && { rotationPeriodSeconds: schedule.period }),
    ...(reasons !== undefined && { allowedAccessReasons: reasons }),
  };
  if (has('next_rotation_time') || has('rotation_period')) {
    requireRotation(context, record.purpose, record.versionTemplate.protectionLevel, changed);
  }
  return changed;
}

function changedTemplate(
  context: KmsContext,
  { purpose, versionTemplate }: CryptoKeyRecord,
  change: CryptoKeyChange,
): VersionTemplate {
  const field = 'crypto_key.version_template.protection_level';
  const given = change.versionTemplate;
  if (given === undefined) {
    throw argumentError('crypto_key.version_template', 'A version template cannot be cleared.');
  }
  if (given.protectionLevel !== versionTemplate.protectionLevel) {
    throw argumentError(field, `Request field ${field} cannot be changed.`);
  }
  return requireTemplate(context, purpose, given);
}
