import { readFileSync } from 'node:fs';

import { usageError } from '../command/command-error.ts';

/** What a service account signs with, as Google's credentials files have it. */
export interface Credentials {
  /** Where they were read. */
  readonly path: string;
  readonly email: string;
  readonly keyId: string;
  /** PEM, PKCS #8. */
  readonly privateKey: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The file that the option names, else SEALPOST_CREDENTIALS, else GOOGLE_APPLICATION_CREDENTIALS, if
 * that is a service account's; undefined where nobody names one. Throws a usage error for a file that
 * cannot be used.
 */
export function chooseCredentials(
  option: string | undefined,
  env: Variables,
): Credentials | undefined {
  const named = option ?? (env['SEALPOST_CREDENTIALS'] || undefined);
  if (named !== undefined) {
    const source = option === undefined ? 'SEALPOST_CREDENTIALS' : '--credentials';
    return readCredentials(named, source);
  }
  const shared = env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
  if (shared === '') return undefined;
  try {
    return readCredentials(shared, 'GOOGLE_APPLICATION_CREDENTIALS');
  } catch {
    // It was meant for other programs, and may be of another kind.
    return undefined;
  }
}

function readCredentials(path: string, source: string): Credentials {
  const file = parsed(textOf(path, source));
  const {
    type,
    client_email: email,
    private_key_id: keyId,
    private_key: privateKey,
  } = file as Readonly<Record<string, unknown>>;
  const texts = [email, keyId, privateKey];
  if (type === 'service_account' && texts.every((text) => typeof text === 'string')) {
    return { path, email, keyId, privateKey } as Credentials;
  }
  throw usageError(
    `${source} names ${path}, which is no credentials file of a service account.`,
    'Make one with: sealpost accounts keys create ACCOUNT --out FILE',
  );
}

function textOf(path: string, source: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(`${source} names ${path}, which cannot be read (${code ?? 'unknown'}).`);
  }
}

/** Its text may hold a private key, which no error may quote. */
function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
