import { argumentError } from '../kms-error.ts';
import type { ProtectionLevel } from '../providers/key-provider.ts';

/**
 * A new version of an EXTERNAL key is another key of its owner, with a URI that nobody here can
 * make up.
 *
 * @throws RpcError INVALID_ARGUMENT if such a key is to rotate by itself
 */
export function refuseExternalRotation(
  level: ProtectionLevel,
  rotation: { readonly nextRotationTimeMs?: number; readonly rotationPeriodSeconds?: number },
): void {
  if (level !== 'EXTERNAL') return;
  const field =
    rotation.nextRotationTimeMs !== undefined
      ? 'crypto_key.next_rotation_time'
      : 'crypto_key.rotation_period';
  const isSet =
    rotation.nextRotationTimeMs !== undefined || rotation.rotationPeriodSeconds !== undefined;
  if (!isSet) return;
  throw argumentError(
    field,
    `Request field ${field} must not be set for keys with protection level EXTERNAL: automatic ` +
      'rotation is not supported for them. Create a new version with its own external_key_uri.',
  );
}
