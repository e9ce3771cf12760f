import { RootKeyError } from './root-key-error.ts';
import type { SealSource } from './seals/seal-record.ts';
import { distinctMin, passphraseLengthMin } from './seals/passphrase-sealer.ts';
import type { SealSecrets } from './seals/seal-secrets.ts';

const needed = {
  passphrase:
    'a seal by passphrase needs the new passphrase: write it on the first line of a file of mode 0600 ' +
    `(at least ${passphraseLengthMin} characters, ${distinctMin} of them different) and name that with --passphrase-file`,
  wrappingKey:
    'this seal needs a new wrapping key: write it to a file of mode 0600 and name that with --wrapping-key-file',
};

/**
 * What a new seal is made of: what the request names comes first, then what the server was started
 * with; a terminal cannot be asked in the middle of a run.
 *
 * @throws RootKeyError that names the option of `sealpost root reseal` which is missing
 */
export function resealSecrets(
  to: SealSource,
  named: Partial<SealSecrets>,
  start: SealSecrets,
): SealSecrets {
  const { askPassphrase: _, ...known } = start;
  const secrets = { ...known, ...named };
  const { passphraseFile, wrappingKeyFile, environmentKey, credentialFile } = secrets;
  if (to === 'passphrase' && lacks(passphraseFile)) throw new RootKeyError(needed.passphrase);
  const isWithoutKey =
    (to === 'environment' && lacks(wrappingKeyFile, environmentKey)) ||
    (to === 'systemd-credential' && lacks(wrappingKeyFile, credentialFile));
  if (isWithoutKey) throw new RootKeyError(needed.wrappingKey);
  return secrets;
}

const lacks = (...secrets: readonly unknown[]): boolean =>
  secrets.every((each) => each === undefined);
