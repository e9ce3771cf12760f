import { argumentError, unimplementedError, type NewCryptoKey } from '../../kms/index.ts';
import type { CryptoKey as CryptoKeyMessage } from '../../proto/google/cloud/kms/v1/resources_pb.ts';
import type { CreateCryptoKeyRequest } from '../../proto/google/cloud/kms/v1/service_pb.ts';
import {
  accessReasonsOf,
  algorithmOf,
  levelOf,
  purposeOf,
  scheduleOf,
  wholeSeconds,
} from './key-fields.ts';

/** A CreateCryptoKey request; output-only fields are taken and passed over, as Google does. */
export function newCryptoKey(request: CreateCryptoKeyRequest): NewCryptoKey {
  const { parent, cryptoKeyId: id, cryptoKey: key } = request;
  if (key === undefined) throw missingField('crypto_key');
  const purpose = purposeOf(key);
  refuseUnbuilt(key);
  const algorithm = algorithmOf(key.versionTemplate?.algorithm ?? 0, purpose);
  const allowedAccessReasons = accessReasonsOf(key);
  return {
    parent,
    id,
    purpose,
    labels: key.labels,
    versionTemplate: {
      protectionLevel: levelOf(key.versionTemplate?.protectionLevel ?? 0) ?? 'SOFTWARE',
      ...(algorithm && { algorithm }),
    },
    ...scheduleOf(key),
    ...destroyScheduled(key),
    ...(allowedAccessReasons && { allowedAccessReasons }),
    skipInitialVersion: request.skipInitialVersionCreation,
  };
}

export function missingField(field: string): Error {
  return argumentError(field, `Request field ${field} must be specified.`);
}

function refuseUnbuilt({ importOnly, cryptoKeyBackend }: CryptoKeyMessage): void {
  if (importOnly) throw unimplementedError('The field import_only of CryptoKey');
  if (cryptoKeyBackend !== '') {
    throw unimplementedError('The field crypto_key_backend of CryptoKey');
  }
}

function destroyScheduled({
  destroyScheduledDuration: duration,
}: CryptoKeyMessage): Pick<NewCryptoKey, 'destroyScheduledSeconds'> {
  if (duration === undefined) return {};
  const field = 'crypto_key.destroy_scheduled_duration';
  return { destroyScheduledSeconds: wholeSeconds(duration, field) };
}
