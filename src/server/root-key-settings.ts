import { join } from 'node:path';

import type { ServerConfig } from '../config/index.ts';
import type { SealSecrets } from '../kms/index.ts';
import type { TokenPlace } from '../pkcs11/index.ts';
import type { ServerPorts } from './ports.ts';

export const rootKeyPath = ({ keysDir }: ServerConfig): string => join(keysDir, 'root-key');

/** Where each source of the root key finds its secret. */
export function sealSecretsOf(
  config: ServerConfig,
  {
    rootKeySurroundings,
    askPassphrase,
  }: Pick<ServerPorts, 'rootKeySurroundings' | 'askPassphrase'>,
): SealSecrets {
  const { environmentKey, credentialsDirectory } = rootKeySurroundings;
  const { rootKeyPassphraseFile, rootKeyCredential } = config;
  const pkcs11 = tokenPlaceOf(config);
  return {
    ...(rootKeyPassphraseFile !== null && { passphraseFile: rootKeyPassphraseFile }),
    ...(askPassphrase !== undefined && { askPassphrase }),
    ...(environmentKey !== undefined && { environmentKey }),
    ...(credentialsDirectory !== undefined && {
      credentialFile: join(credentialsDirectory, rootKeyCredential),
    }),
    ...(pkcs11 !== null && { pkcs11 }),
  };
}

/** The token that the options name; null: none. */
export function tokenPlaceOf(config: ServerConfig): TokenPlace | null {
  const { pkcs11Library: library, pkcs11Token: tokenLabel, pkcs11PinFile: pinFile } = config;
  if (library === null || tokenLabel === null || pinFile === null) return null;
  return { library, tokenLabel, pinFile };
}
