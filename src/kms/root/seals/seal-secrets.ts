import { wipe } from '../../../crypto/index.ts';
import type { TokenPlace } from '../../../pkcs11/index.ts';
import type { Clock, Logger } from '../../../runtime/index.ts';
import { passphraseBytesMax, passphraseSealer, type SealingPorts } from './passphrase-sealer.ts';
import { readGivenFile, readSecretFile } from '../private-file.ts';
import { RootKeyError } from '../root-key-error.ts';
import type { SealSource } from './seal-record.ts';
import type { Sealer } from './sealer.ts';
import { parseWrappingSecret, secretSealer } from './secret-sealer.ts';
import { tokenSealer } from './token-sealer.ts';

/** Where the secret of each source is found. What is not set is not at hand. */
export interface SealSecrets {
  /** A file of mode 0600 whose first line is the passphrase. */
  readonly passphraseFile?: string;
  /** Asks whoever started the server; the bytes become the sealer's. */
  readonly askPassphrase?: () => Promise<Uint8Array>;
  /** The wrapping key of source `environment`, taken out of the process's variables; as written. */
  readonly environmentKey?: Uint8Array;
  /** The wrapping key of source `systemd-credential`: a file below $CREDENTIALS_DIRECTORY. */
  readonly credentialFile?: string;
  /**
   * A file of mode 0600 with the wrapping key that a new seal of source `environment` or
   * `systemd-credential` is made by, before a start can find it at its place.
   */
  readonly wrappingKeyFile?: string;
  readonly pkcs11?: TokenPlace;
}

export interface SealerPorts extends SealingPorts {
  readonly clock: Clock;
  readonly log: Logger;
}

const secretBytesMax = 4096;

/**
 * The sealer of `source`, its secret read.
 *
 * @throws RootKeyError that says what is missing, before anything was touched
 */
export async function openSealer(
  source: Exclude<SealSource, 'file'>,
  secrets: SealSecrets,
  ports: SealerPorts,
): Promise<Sealer> {
  switch (source) {
    case 'passphrase':
      return passphraseSealer(...(await passphraseOf(secrets)), ports);
    case 'environment':
      return secretSealer(source, ...environmentSecretOf(secrets), ports);
    case 'systemd-credential':
      return secretSealer(source, ...credentialSecretOf(secrets), ports);
    default:
      return tokenSealer(placeOf(secrets), ports);
  }
}

type NamedSecret = [secret: Uint8Array, secretName: string];

async function passphraseOf({ passphraseFile, askPassphrase }: SealSecrets): Promise<NamedSecret> {
  if (passphraseFile !== undefined) {
    const content = secretIn(passphraseFile, readSecretFile, passphraseBytesMax);
    const end = content.findIndex((byte) => byte === 0x0a || byte === 0x0d);
    const passphrase = content.slice(0, end === -1 ? content.length : end);
    wipe(content);
    return [passphrase, `the passphrase in ${passphraseFile}`];
  }
  if (askPassphrase !== undefined) return [await askPassphrase(), 'the passphrase'];
  throw new RootKeyError(
    'the root key is sealed by a passphrase: name its file with --root-key-passphrase-file',
  );
}

function environmentSecretOf({ wrappingKeyFile, environmentKey }: SealSecrets): NamedSecret {
  if (wrappingKeyFile !== undefined) return wrappingSecretIn(wrappingKeyFile, readSecretFile);
  const secretName = 'the variable SEALPOST_ROOT_KEY';
  if (environmentKey !== undefined) {
    return [parseWrappingSecret(environmentKey, secretName), secretName];
  }
  throw new RootKeyError(`the root key is sealed by ${secretName}, which is not set`);
}

function credentialSecretOf({ wrappingKeyFile, credentialFile }: SealSecrets): NamedSecret {
  if (wrappingKeyFile !== undefined) return wrappingSecretIn(wrappingKeyFile, readSecretFile);
  if (credentialFile !== undefined) return wrappingSecretIn(credentialFile, readGivenFile);
  throw new RootKeyError(
    'the root key is sealed by a systemd credential, but there is no $CREDENTIALS_DIRECTORY: start it as a service with LoadCredential= or LoadCredentialEncrypted=',
  );
}

type ReadFile = (path: string, bytesMax: number) => Uint8Array;

function wrappingSecretIn(path: string, read: ReadFile): NamedSecret {
  const content = secretIn(path, read, secretBytesMax);
  try {
    return [parseWrappingSecret(content, path), path];
  } finally {
    wipe(content);
  }
}

function secretIn(path: string, read: ReadFile, bytesMax: number): Uint8Array {
  try {
    return read(path, bytesMax);
  } catch (error) {
    if (error instanceof RootKeyError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new RootKeyError(`the root key's secret ${path} cannot be read: ${code}`);
  }
}

function placeOf({ pkcs11 }: SealSecrets): TokenPlace {
  if (pkcs11 !== undefined) return pkcs11;
  throw new RootKeyError(
    'the root key is sealed by a PKCS#11 token: name it with --pkcs11-library, --pkcs11-token and --pkcs11-pin-file',
  );
}
