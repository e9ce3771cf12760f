import type { AuditValue } from '../../audit/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';
import type { CryptoKeyChange, NewCryptoKey } from '../key-administration.ts';

/** The last moment that a Date knows, in both directions. */
const timeMsMax = 8.64e15;

/** What a request asks a key to be, in the proto's JSON: who lifted which rule is then on record. */
export function recordedKey(
  key: CryptoKeyChange & Partial<Pick<NewCryptoKey, 'purpose' | 'destroyScheduledSeconds'>>,
): Readonly<Record<string, AuditValue>> {
  const { purpose, labels, versionTemplate, nextRotationTimeMs, allowedAccessReasons } = key;
  const { rotationPeriodSeconds, destroyScheduledSeconds } = key;
  return {
    ...(purpose !== undefined && { purpose }),
    ...(labels !== undefined && { labels }),
    ...(versionTemplate !== undefined && { versionTemplate: { ...versionTemplate } }),
    ...(nextRotationTimeMs !== undefined && { nextRotationTime: recordedTime(nextRotationTimeMs) }),
    ...(rotationPeriodSeconds !== undefined && { rotationPeriod: `${rotationPeriodSeconds}s` }),
    ...(destroyScheduledSeconds !== undefined && {
      destroyScheduledDuration: `${destroyScheduledSeconds}s`,
    }),
    ...(allowedAccessReasons !== undefined && {
      keyAccessJustificationsPolicy: { allowedAccessReasons },
    }),
  };
}

/** A request that is refused for its time is recorded, too. */
function recordedTime(ms: number): string {
  return Math.abs(ms) <= timeMsMax ? formatTimestamp(ms) : String(ms);
}
