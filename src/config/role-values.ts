import { ConfigError } from './config-error.ts';
import { isLoopback } from './values.ts';

/** What a server is: a broker of messages, a service of keys, a vault of images, or all of them. */
export type Role = 'broker' | 'kms' | 'vault';

/** One role of the list. */
export function role(text: string): Role {
  if (text === 'broker' || text === 'kms' || text === 'vault') return text;
  throw new ConfigError('must be a list of broker, kms and vault');
}

/** Where a remote key service is, and of which kind. */
export interface KmsEndpoint {
  readonly kind: 'cloudkms' | 'transit';
  /** `http://HOST:PORT` or `https://HOST[:PORT]`; of a transit engine with its path. */
  readonly url: string;
  /** Whether what is sent can be read on its way. */
  readonly isPlain: boolean;
  readonly isLoopback: boolean;
}

const shape =
  'must be a URL such as https://kms.example.com, http://127.0.0.1:8086 or ' +
  'vault+https://vault.example.com:8200/transit';

/** A Cloud KMS or another Sealpost, or the transit engine of a Vault; '' is none. */
export function optionalKmsEndpoint(text: string): KmsEndpoint | null {
  if (text === '') return null;
  const isTransit = text.startsWith('vault+');
  const url = URL.parse(isTransit ? text.slice('vault+'.length) : text);
  const isPlainUrl =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (!isPlainUrl || (url.pathname === '/') === isTransit) throw new ConfigError(shape);
  return {
    kind: isTransit ? 'transit' : 'cloudkms',
    url: isTransit ? `${url.origin}${url.pathname.replace(/\/+$/, '')}` : url.origin,
    isPlain: url.protocol === 'http:',
    isLoopback: isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1')),
  };
}

/** A CryptoKey's full name; '' is none. */
export function optionalKeyName(text: string): string | null {
  if (text === '') return null;
  if (/^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/.test(text)) {
    return text;
  }
  throw new ConfigError('must be projects/P/locations/L/keyRings/R/cryptoKeys/K');
}

/** `P=N`: a project's id and its number. */
export function projectNumber(text: string): string {
  if (/^[!-<>-~]{1,200}=[1-9][0-9]{0,19}$/.test(text)) return text;
  throw new ConfigError('must be PROJECT=NUMBER');
}
