import { resolve } from 'node:path';
import { usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import type { Flags } from '../command/flags.ts';
import { type Json, textIn } from '../connection/rest-api.ts';

const path = 'sealpost/v1/rootKey';

export const showRoot: Action = async (_, { api, out }) => {
  const status = await api.get(path);
  out.result(status, statusLines(status));
};

export const reseal: Action = async ({ flags }, { api, out }) => {
  const status = await api.post(`${path}:reseal`, resealBody(flags));
  out.result(status, ['Sealed anew.', ...statusLines(status), nextStep(status)]);
};

/** Paths are absolute: the server's working directory is another. */
function resealBody(flags: Flags): Json {
  const file = (name: string): string | undefined => {
    const text = flags.text(name);
    return text === undefined ? undefined : resolve(text);
  };
  return {
    to: flags.text('to'),
    newKey: flags.isSet('new-key'),
    passphraseFile: file('passphrase-file'),
    wrappingKeyFile: file('wrapping-key-file'),
    pkcs11: tokenOf(file('pkcs11-library'), flags.text('pkcs11-token'), file('pkcs11-pin-file')),
  };
}

function tokenOf(
  library: string | undefined,
  tokenLabel: string | undefined,
  pinFile: string | undefined,
): Json | undefined {
  const given = [library, tokenLabel, pinFile].filter((each) => each !== undefined);
  if (given.length === 0) return undefined;
  if (given.length === 3) return { library, tokenLabel, pinFile };
  throw usageError('--pkcs11-library, --pkcs11-token and --pkcs11-pin-file belong together.');
}

/** The lines of a root key's status, as the API and the files have it. */
export function statusLines(status: Json): string[] {
  const parameters = Object.entries((status['parameters'] ?? {}) as Json);
  const shown = parameters.map(([name, value]) => `${name}=${String(value)}`).join(' ');
  const previous = textIn(status, 'previousId');
  return [
    `Root key ${textIn(status, 'id')}`,
    `  file:      ${textIn(status, 'path')}`,
    `  sealed by: ${textIn(status, 'source')}${shown === '' ? '' : ` (${shown})`}`,
    ...(previous === '' ? [] : [`  replaces:  ${previous}; not everything is wrapped anew yet`]),
  ];
}

const needs: Readonly<Record<string, string>> = {
  file: 'The next start needs nothing else. Copy the file apart from the data.',
  passphrase:
    'The next start needs --root-key-passphrase-file. Copy the file, and keep the passphrase.',
  environment: 'The next start needs SEALPOST_ROOT_KEY, with what the wrapping key file held.',
  pkcs11: 'The next start needs the token, with --pkcs11-library, -token and -pin-file.',
  'systemd-credential':
    'The next start needs the credential, with what the wrapping key file held.',
};

/** What the operator must do before the next start. */
export function nextStep(status: Json): string {
  return needs[textIn(status, 'source')] ?? '';
}
