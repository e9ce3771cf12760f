import { ConfigError } from '../config-error.ts';
import type { AnyOption } from './options.ts';
import type { RootKeySource, ServerConfig } from '../server-config.ts';
import { oneOf, optionalFile } from '../values.ts';

const sources: readonly RootKeySource[] = [
  'auto',
  'file',
  'passphrase',
  'environment',
  'pkcs11',
  'systemd-credential',
];

/** What protects the root key, and the token that may hold keys. */
export const rootKeyOptions: readonly AnyOption[] = [
  {
    field: 'rootKeySource',
    name: 'root-key-source',
    placeholder: 'SOURCE',
    default: 'auto',
    limits: sources.join(', '),
    doc: 'What seals the root key; auto is what sealed it before, and file for a new directory.',
    parse: oneOf(sources),
  },
  {
    field: 'rootKeyPassphraseFile',
    name: 'root-key-passphrase-file',
    placeholder: 'FILE',
    default: '',
    limits: 'a file of mode 0600',
    doc: 'The passphrase of the source passphrase; without it a terminal is asked.',
    parse: optionalFile,
  },
  {
    field: 'rootKeyCredential',
    name: 'root-key-credential',
    placeholder: 'NAME',
    default: 'sealpost-root-key',
    limits: 'a name of a credential',
    doc: 'The systemd credential with the wrapping key of the source systemd-credential.',
    parse: credentialName,
  },
  {
    field: 'pkcs11Library',
    name: 'pkcs11-library',
    placeholder: 'FILE',
    default: '',
    limits: "a vendor's PKCS#11 library",
    doc: 'The library of the token that holds keys of protection level HSM, and may seal the root key.',
    parse: optionalFile,
  },
  {
    field: 'pkcs11Token',
    name: 'pkcs11-token',
    placeholder: 'LABEL',
    default: '',
    limits: '1 to 32 bytes',
    doc: 'The label of that token.',
    parse: optionalTokenLabel,
  },
  {
    field: 'pkcs11PinFile',
    name: 'pkcs11-pin-file',
    placeholder: 'FILE',
    default: '',
    limits: 'a file of mode 0600',
    doc: "The PIN of that token's user.",
    parse: optionalFile,
  },
];

/** A token has all three of its options, or none. */
export function requireWholeToken(config: ServerConfig): void {
  const { pkcs11Library, pkcs11Token, pkcs11PinFile } = config;
  const given = [pkcs11Library, pkcs11Token, pkcs11PinFile].filter((each) => each !== null);
  if (given.length === 0 || given.length === 3) return;
  throw new ConfigError(
    'A PKCS#11 token needs --pkcs11-library, --pkcs11-token and --pkcs11-pin-file together.',
  );
}

function credentialName(text: string): string {
  if (/^[A-Za-z0-9._-]{1,255}$/.test(text) && !/^\.+$/.test(text)) return text;
  throw new ConfigError('must be a name of letters, digits, dots, underscores and hyphens');
}

function optionalTokenLabel(text: string): string | null {
  if (text === '') return null;
  if (Buffer.byteLength(text) <= 32) return text;
  throw new ConfigError('must have at most 32 bytes');
}
