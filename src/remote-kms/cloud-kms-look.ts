import { create } from '@bufbuild/protobuf';

import { CryptoKeyVersion_CryptoKeyVersionState as State } from '../proto/google/cloud/kms/v1/resources_pb.ts';
import {
  GetCryptoKeyVersionRequestSchema,
  KeyManagementService,
} from '../proto/google/cloud/kms/v1/service_pb.ts';
import { RpcError } from '../rpc/index.ts';
import type { Logger } from '../runtime/index.ts';
import type { KmsChannel } from './kms-channel.ts';
import { callDeadlineMs } from './remote-limits.ts';
import type { VersionLook } from './version-poll.ts';

/**
 * Looks at versions by GetCryptoKeyVersion, which needs `cloudkms.cryptoKeyVersions.get`: a
 * permission that the encrypter and decrypter roles do not have.
 */
export function cloudKmsLook(
  channel: Pick<KmsChannel, 'unary'>,
  log: Logger,
): (versionName: string) => Promise<VersionLook | undefined> {
  const { getCryptoKeyVersion } = KeyManagementService.method;
  let wasRefused = false;
  return async (name) => {
    try {
      const request = create(GetCryptoKeyVersionRequestSchema, { name });
      const headers = { 'x-goog-request-params': `name=${encodeURIComponent(name)}` };
      const answer = await channel.unary(getCryptoKeyVersion, request, callDeadlineMs, headers);
      return { isEnabled: answer.state === State.ENABLED };
    } catch (thrown) {
      const { code } = RpcError.from(thrown);
      if (code === 'NOT_FOUND') return { isEnabled: false };
      if (code === 'PERMISSION_DENIED' && !wasRefused) {
        wasRefused = true;
        log.warn({ version: name }, mayNotLook);
      }
      return undefined;
    }
  };
}

const mayNotLook =
  'the key service does not let us look at versions (cloudkms.cryptoKeyVersions.get): a key that ' +
  'is disabled is noticed when a cached key is next unwrapped';
