import { create } from '@bufbuild/protobuf';

import { argumentError, type KeyAdministration } from '../../kms/index.ts';
import {
  KeyManagementService,
  ListCryptoKeysResponseSchema,
  ListKeyRingsResponseSchema,
  type UpdateCryptoKeyRequest,
} from '../../proto/google/cloud/kms/v1/service_pb.ts';
import type { CryptoKey as CryptoKeyMessage } from '../../proto/google/cloud/kms/v1/resources_pb.ts';
import { method, type ApiCall, type ApiMethod } from '../method.ts';
import { keyCaller } from './key-caller.ts';
import { cryptoKeyToMessage, keyRingToMessage } from './key-messages.ts';
import { keyChange, keyMask } from './key-updates.ts';
import { listRequest } from './list-request.ts';
import { missingField, newCryptoKey } from './new-key.ts';

const service = KeyManagementService.method;

/** The methods of google.cloud.kms.v1.KeyManagementService on key rings and keys. */
export function keyMethods(keys: KeyAdministration): ApiMethod[] {
  return [...keyRingMethods(keys), ...cryptoKeyMethods(keys)];
}

function keyRingMethods(keys: KeyAdministration): ApiMethod[] {
  return [
    method(service.createKeyRing, async ({ parent, keyRingId }, call) =>
      keyRingToMessage(await keys.createKeyRing(parent, keyRingId, keyCaller(call))),
    ),
    method(service.getKeyRing, async ({ name }, call) =>
      keyRingToMessage(await keys.getKeyRing(name, keyCaller(call))),
    ),
    method(service.listKeyRings, async (request, call) => {
      const page = await keys.listKeyRings(request.parent, listRequest(request), keyCaller(call));
      const { items, nextPageToken } = page;
      const keyRings = items.map(keyRingToMessage);
      return create(ListKeyRingsResponseSchema, { keyRings, nextPageToken });
    }),
  ];
}

function cryptoKeyMethods(keys: KeyAdministration): ApiMethod[] {
  return [
    method(service.createCryptoKey, async (request, call) =>
      cryptoKeyToMessage(await keys.createCryptoKey(newCryptoKey(request), keyCaller(call))),
    ),
    method(service.getCryptoKey, async ({ name }, call) =>
      cryptoKeyToMessage(await keys.getCryptoKey(name, keyCaller(call))),
    ),
    method(service.listCryptoKeys, async (request, call) => {
      const page = await keys.listCryptoKeys(request.parent, listRequest(request), keyCaller(call));
      const { items, nextPageToken } = page;
      const cryptoKeys = items.map(cryptoKeyToMessage);
      return create(ListCryptoKeysResponseSchema, { cryptoKeys, nextPageToken });
    }),
    method(service.updateCryptoKey, (request, call) => updateKey(keys, request, call)),
    method(service.updateCryptoKeyPrimaryVersion, async ({ name, cryptoKeyVersionId }, call) => {
      const number = versionNumber(cryptoKeyVersionId);
      return cryptoKeyToMessage(await keys.updatePrimaryVersion(name, number, keyCaller(call)));
    }),
  ];
}

async function updateKey(
  keys: KeyAdministration,
  { cryptoKey: given, updateMask }: UpdateCryptoKeyRequest,
  call: ApiCall,
): Promise<CryptoKeyMessage> {
  if (given === undefined) throw missingField('crypto_key');
  const fields = keyMask(updateMask);
  const caller = keyCaller(call);
  const change = await keyChange(given, fields, () => keys.getCryptoKey(given.name, caller));
  return cryptoKeyToMessage(await keys.updateCryptoKey(given.name, change, fields, caller));
}

function versionNumber(id: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(id)) return Number(id);
  const message = 'Request field crypto_key_version_id must be the number of a version.';
  throw argumentError('crypto_key_version_id', message);
}
