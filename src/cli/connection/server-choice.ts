import { usageError } from '../command/command-error.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** The address of a server that nobody named. */
export const defaultServer = 'http://127.0.0.1:8085';

/** Origin of the server to use, by its name or the default. See namedServer. */
export function chooseServer(option: string | undefined, env: Variables): string {
  return namedServer(option, env) ?? defaultServer;
}

/**
 * Origin of the server that is named: by the option, else by SEALPOST_SERVER, else by
 * PUBSUB_EMULATOR_HOST, which the official clients read too. An empty variable says nothing.
 */
export function namedServer(option: string | undefined, env: Variables): string | undefined {
  if (option !== undefined) return originOf(option, '--server');
  for (const name of ['SEALPOST_SERVER', 'PUBSUB_EMULATOR_HOST']) {
    const text = env[name] ?? '';
    if (text !== '') return originOf(text, name);
  }
  return undefined;
}

function originOf(text: string, source: string): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  const isOrigin =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    ['', '/'].includes(url.pathname + url.search + url.hash);
  // A password in the address would come back in error messages.
  if (isOrigin && url.username === '' && url.password === '') return url.origin;
  throw usageError(`${source} must be an address such as ${defaultServer}.`);
}

/** The project of short names: the option, else SEALPOST_PROJECT, else GOOGLE_CLOUD_PROJECT. */
export function chooseProject(option: string | undefined, env: Variables): string | undefined {
  const given = [option, env['SEALPOST_PROJECT'], env['GOOGLE_CLOUD_PROJECT']];
  return given.find((text) => text !== undefined && text !== '');
}
