import { ConfigError } from './config-error.ts';
import { isLoopback } from './values.ts';

/** Another place for the images of a registry. */
export interface RegistryMirror {
  /** As image references name it, lower case: `us-docker.pkg.dev`, `127.0.0.1:5000`. */
  readonly host: string;
  /** `http://HOST[:PORT]` or `https://HOST[:PORT]`, without a path. */
  readonly url: string;
}

/** `HOST[:PORT]`, lower case. */
export function registryHost(text: string): string {
  const host = text.toLowerCase();
  const url = URL.parse(`https://${host}`);
  if (url !== null && (url.host === host || `${url.hostname}:443` === host)) return host;
  throw new ConfigError('must be a host such as us-docker.pkg.dev or registry.example.com:5000');
}

/** `HOST=URL`. */
export function registryMirror(text: string): RegistryMirror {
  const at = text.indexOf('=');
  const host = registryHost(text.slice(0, Math.max(at, 0)));
  const url = URL.parse(text.slice(at + 1));
  const isPlainUrl =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.pathname === '/' &&
    `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (!isPlainUrl) {
    throw new ConfigError('must be HOST=URL, as us-docker.pkg.dev=http://127.0.0.1:5000');
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'))) {
    throw new ConfigError('must name an https URL: plain HTTP is for loopback only');
  }
  return { host, url: url.origin };
}
