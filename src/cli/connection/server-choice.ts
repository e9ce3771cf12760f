import { usageError } from '../command/command-error.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** The address of a server that nobody named. */
export const defaultServer = 'http://127.0.0.1:8085';

/**
 * Origin of the server to use: the option, else SEALPOST_SERVER, else PUBSUB_EMULATOR_HOST, which
 * the official clients read too, else the default. An empty variable says nothing.
 */
export function chooseServer(option: string | undefined, env: Variables): string {
  if (option !== undefined) return originOf(option, '--server');
  for (const name of ['SEALPOST_SERVER', 'PUBSUB_EMULATOR_HOST']) {
    const text = env[name] ?? '';
    if (text !== '') return originOf(text, name);
  }
  return defaultServer;
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
