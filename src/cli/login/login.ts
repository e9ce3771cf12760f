import { createPrivateKey, sign } from 'node:crypto';

import type { Clock } from '../../runtime/index.ts';
import { usageError } from '../command/command-error.ts';
import type { Credentials } from './credentials-file.ts';

/** What a caller shows of himself; with neither he shows nothing. */
export interface LoginOptions {
  /** Origin of the server, for which alone tokens are good. */
  readonly server: string;
  readonly credentials: Credentials | undefined;
  readonly apiKey: string | undefined;
  readonly clock: Pick<Clock, 'wallMs'>;
}

const lifetimeSeconds = 3_600;
/** A token with less left is replaced: it must outlive the call that it is sent with. */
const leftSecondsMin = 300;

const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|.*\.localhost)$/;

/** Shows a server who calls: by tokens that are signed here, or by an API key. */
export class Login {
  readonly #options: LoginOptions;
  #token = '';
  #endSeconds = 0;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /** By what the caller says who he is, for people to read; empty if by nothing. */
  get shown(): string {
    const { credentials, apiKey = '' } = this.#options;
    if (credentials !== undefined) return `the credentials of ${credentials.path}`;
    return apiKey === '' ? '' : 'the API key of SEALPOST_API_KEY';
  }

  /** What each request carries. Throws a usage error where it would travel in the clear. */
  headers(): Readonly<Record<string, string>> {
    const token = this.token();
    return token === '' ? {} : { authorization: `Bearer ${token}` };
  }

  /** A credentials file's token, else the API key; empty if there is neither. */
  token(): string {
    const { credentials, apiKey = '', server } = this.#options;
    if (credentials === undefined && apiKey === '') return '';
    refuseInTheClear(server);
    return credentials === undefined ? apiKey : this.#signed(credentials);
  }

  /** A self-signed JWT (RFC 7523), as Google's clients send it to services that take it as it is. */
  #signed({ email, keyId, privateKey }: Credentials): string {
    const nowSeconds = Math.floor(this.#options.clock.wallMs() / 1_000);
    if (this.#endSeconds - nowSeconds > leftSecondsMin) return this.#token;
    this.#endSeconds = nowSeconds + lifetimeSeconds;
    const head = { alg: 'RS256', typ: 'JWT', kid: keyId };
    const claims = {
      iss: email,
      sub: email,
      aud: `${this.#options.server}/`,
      iat: nowSeconds,
      exp: this.#endSeconds,
    };
    const text = [head, claims].map(base64url).join('.');
    const signature = sign('RSA-SHA256', Buffer.from(text), keyOf(privateKey));
    this.#token = `${text}.${signature.toString('base64url')}`;
    return this.#token;
  }
}

const base64url = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');

function keyOf(pem: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem);
  } catch {
    throw usageError('The credentials file holds no private key that can be used.');
  }
}

function refuseInTheClear(server: string): void {
  const { protocol, hostname } = new URL(server);
  if (protocol === 'https:' || loopback.test(hostname)) return;
  throw usageError(
    `Credentials would travel to ${server} in the clear.`,
    'Use https, or an address of this machine.',
  );
}
