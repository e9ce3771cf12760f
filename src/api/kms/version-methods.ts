import { create } from '@bufbuild/protobuf';

import { argumentError, type KeyAdministration } from '../../kms/index.ts';
import {
  CryptoKeyVersion_CryptoKeyVersionState as State,
  type CryptoKeyVersion as CryptoKeyVersionMessage,
} from '../../proto/google/cloud/kms/v1/resources_pb.ts';
import {
  KeyManagementService,
  ListCryptoKeyVersionsResponseSchema,
} from '../../proto/google/cloud/kms/v1/service_pb.ts';
import { method, type ApiMethod } from '../method.ts';
import { keyCaller } from './key-caller.ts';
import { versionToMessage } from './key-messages.ts';
import { externalUri, versionChange } from './key-updates.ts';
import { listRequest } from './list-request.ts';
import { missingField } from './new-key.ts';

const service = KeyManagementService.method;

/** The methods of google.cloud.kms.v1.KeyManagementService on versions. */
export function versionMethods(keys: KeyAdministration): ApiMethod[] {
  return [
    method(service.createCryptoKeyVersion, async (request, call) => {
      const version = newVersion(request.cryptoKeyVersion);
      return versionToMessage(await keys.createVersion(request.parent, version, keyCaller(call)));
    }),
    method(service.getCryptoKeyVersion, async ({ name }, call) =>
      versionToMessage(await keys.getVersion(name, keyCaller(call))),
    ),
    method(service.listCryptoKeyVersions, async (request, call) => {
      const page = await keys.listVersions(request.parent, listRequest(request), keyCaller(call));
      const { items, nextPageToken } = page;
      const cryptoKeyVersions = items.map(versionToMessage);
      const response = { cryptoKeyVersions, nextPageToken };
      return create(ListCryptoKeyVersionsResponseSchema, response);
    }),
    method(service.updateCryptoKeyVersion, async ({ cryptoKeyVersion, updateMask }, call) => {
      if (cryptoKeyVersion === undefined) throw missingField('crypto_key_version');
      const change = versionChange(cryptoKeyVersion, updateMask);
      const { name } = cryptoKeyVersion;
      return versionToMessage(await keys.updateVersion(name, change, keyCaller(call)));
    }),
    method(service.destroyCryptoKeyVersion, async ({ name }, call) =>
      versionToMessage(await keys.destroyVersion(name, call.forceDestroy, keyCaller(call))),
    ),
    method(service.restoreCryptoKeyVersion, async ({ name }, call) =>
      versionToMessage(await keys.restoreVersion(name, keyCaller(call))),
    ),
  ];
}

/** "The caller may set state to DISABLED"; unset, the version is enabled. */
function newVersion(given: CryptoKeyVersionMessage | undefined): {
  readonly state: 'ENABLED' | 'DISABLED';
  readonly externalKeyUri?: string;
} {
  const uri = given === undefined ? '' : externalUri(given);
  return { state: initialState(given?.state), ...(uri !== '' && { externalKeyUri: uri }) };
}

function initialState(state: State = State.ENABLED): 'ENABLED' | 'DISABLED' {
  if (state === State.DISABLED) return 'DISABLED';
  if (state === State.ENABLED || state === State.CRYPTO_KEY_VERSION_STATE_UNSPECIFIED) {
    return 'ENABLED';
  }
  const message = 'Request field crypto_key_version.state must be ENABLED or DISABLED.';
  throw argumentError('crypto_key_version.state', message);
}
