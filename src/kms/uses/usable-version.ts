import type { KeyPurpose } from '../key-administration.ts';
import type { KeyCaller } from '../key-service.ts';
import { accessReasonError, lengthError, notEnabledError, purposeError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { parseKmsName, requireVersionName, versionName } from '../names.ts';
import type { KeyProvider, VersionUse } from '../providers/key-provider.ts';
import type { CryptoKeyRecord, VersionRecord } from '../rows/records.ts';
import type { Row } from '../rows/sealed-rows.ts';
import { requireCryptoKey, requireVersion } from '../rows/stored-keys.ts';
import { assert } from '../../runtime/index.ts';

/** What is asked of a version. */
export interface Asked {
  readonly operation: string;
  readonly purpose: KeyPurpose;
  readonly caller: KeyCaller;
}

/**
 * The use of a version that may be used: of the right purpose, enabled, for a reason that its key
 * allows.
 *
 * @throws RpcError FAILED_PRECONDITION, PERMISSION_DENIED
 */
export function requireUsable(
  key: Row<CryptoKeyRecord>,
  number: number,
  version: VersionRecord,
  { operation, purpose, caller }: Asked,
): VersionUse {
  const name = versionName(key.id, number);
  if (key.record.purpose !== purpose) throw purposeError(name, key.record.purpose, operation);
  if (version.state !== 'ENABLED') throw notEnabledError(name, version.state);
  const { allowedAccessReasons } = key.record;
  if (allowedAccessReasons && !allowedAccessReasons.includes(caller.reason)) {
    throw accessReasonError(key.id, caller.reason);
  }
  assert(version.material !== null, 'an enabled version has material');
  return {
    name,
    algorithm: version.algorithm,
    material: version.material,
    reason: caller.reason,
    ...(caller.resource !== undefined && { resource: caller.resource }),
    ...(caller.isHealthCheck !== undefined && { isHealthCheck: caller.isHealthCheck }),
  };
}

/** The version of that full name, and its use. @throws RpcError as above; NOT_FOUND */
export async function requireNamedVersion(
  context: KmsContext,
  name: string,
  asked: Asked,
): Promise<{ readonly use: VersionUse; readonly version: VersionRecord }> {
  const { cryptoKey, version: number } = requireVersionName(name);
  const key = await requireCryptoKey(context, cryptoKey);
  const { record } = await requireVersion(context, cryptoKey, number);
  return { use: requireUsable(key, number, record, asked), version: record };
}

/** Counts a use against its quota. @throws RpcError RESOURCE_EXHAUSTED */
export async function takeQuota(
  { quotas }: KmsContext,
  { name }: VersionUse,
  { protectionLevel: level }: Pick<VersionRecord, 'protectionLevel'>,
): Promise<void> {
  const parsed = parseKmsName(name);
  if (parsed) await quotas?.take({ projectId: parsed.project, location: parsed.location, level });
}

/** @throws RpcError INVALID_ARGUMENT if the inputs are longer than the provider's level takes */
export function requireInputLengths(
  { inputBytesMax, limitIsTogether }: Pick<KeyProvider, 'inputBytesMax' | 'limitIsTogether'>,
  inputs: Readonly<Record<string, Uint8Array>>,
): void {
  let together = 0;
  for (const [field, bytes] of Object.entries(inputs)) {
    if (bytes.length > inputBytesMax) throw lengthError(field, inputBytesMax, bytes.length);
    together += bytes.length;
  }
  if (!limitIsTogether || together <= inputBytesMax) return;
  throw lengthError(Object.keys(inputs).join(' and '), inputBytesMax, together);
}
