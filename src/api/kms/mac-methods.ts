import { create } from '@bufbuild/protobuf';

import {
  argumentError,
  checksumOf,
  verifyChecksum,
  type KeyAdministration,
} from '../../kms/index.ts';
import {
  GenerateRandomBytesResponseSchema,
  KeyManagementService,
  MacSignResponseSchema,
  MacVerifyResponseSchema,
} from '../../proto/google/cloud/kms/v1/service_pb.ts';
import { method, type ApiMethod } from '../method.ts';
import { keyCaller } from './key-caller.ts';
import { levelOf } from './key-fields.ts';
import { levelValue } from './key-messages.ts';

const service = KeyManagementService.method;

/** MacSign, MacVerify and GenerateRandomBytes of google.cloud.kms.v1.KeyManagementService. */
export function macMethods(keys: KeyAdministration): ApiMethod[] {
  return [
    method(service.macSign, async ({ name, data, dataCrc32c }, call) => {
      const verifiedDataCrc32c = verifyChecksum('data', data, dataCrc32c);
      const { mac, protectionLevel } = await keys.macSign(name, data, keyCaller(call));
      return create(MacSignResponseSchema, {
        name,
        mac,
        macCrc32c: checksumOf(mac),
        verifiedDataCrc32c,
        protectionLevel: levelValue(protectionLevel),
      });
    }),
    method(service.macVerify, async ({ name, data, dataCrc32c, mac, macCrc32c }, call) => {
      const verifiedDataCrc32c = verifyChecksum('data', data, dataCrc32c);
      const verifiedMacCrc32c = verifyChecksum('mac', mac, macCrc32c);
      const answer = await keys.macVerify(name, data, mac, keyCaller(call));
      return create(MacVerifyResponseSchema, {
        name,
        success: answer.isValid,
        // "If the value of this field contradicts the value of success, discard the response."
        verifiedSuccessIntegrity: answer.isValid,
        verifiedDataCrc32c,
        verifiedMacCrc32c,
        protectionLevel: levelValue(answer.protectionLevel),
      });
    }),
    method(
      service.generateRandomBytes,
      async ({ location, lengthBytes, protectionLevel }, call) => {
        const level = levelOf(protectionLevel);
        if (level === undefined) throw levelMissing();
        const data = await keys.generateRandomBytes(location, lengthBytes, level, keyCaller(call));
        return create(GenerateRandomBytesResponseSchema, { data, dataCrc32c: checksumOf(data) });
      },
      ({ data }) => void data.fill(0),
    ),
  ];
}

function levelMissing(): Error {
  const message = 'Request field protection_level must be specified.';
  return argumentError('protection_level', message);
}
