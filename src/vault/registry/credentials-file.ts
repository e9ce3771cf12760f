import { readFile, stat } from 'node:fs/promises';

import { RpcError } from '../../rpc/index.ts';
import { isRecord, parseRecord } from './documents/json-document.ts';

const fileBytesMax = 1 << 20;

/**
 * Credentials for registries, from a file as `docker login` and `skopeo login` write it: `auths`
 * with `auth` (base64 of `user:password`) or `username` and `password` for each host. It is read
 * again when it has changed. Programs that it names (`credHelpers`) are never run.
 */
export class CredentialsFile {
  readonly #path: string | null;
  #version = '';
  #headers: ReadonlyMap<string, string> = new Map();

  /** Null: no registry gets any. */
  constructor(path: string | null) {
    this.#path = path;
  }

  /** The `Authorization` of Basic for a host; null if there is none. */
  async basicFor(host: string): Promise<string | null> {
    if (this.#path === null) return null;
    await this.#refresh(this.#path);
    return this.#headers.get(host) ?? null;
  }

  async #refresh(path: string): Promise<void> {
    try {
      const { mtimeNs, ino, size } = await stat(path, { bigint: true });
      const version = `${ino} ${size} ${mtimeNs}`;
      if (version === this.#version) return;
      if (size > fileBytesMax) throw unreadable(path, 'it is too large');
      this.#headers = headersOf(path, await readFile(path));
      this.#version = version;
    } catch (error) {
      if (error instanceof RpcError) throw error;
      throw unreadable(path, (error as NodeJS.ErrnoException).code ?? 'it cannot be read');
    }
  }
}

/** The message must not quote what is in the file. */
function unreadable(path: string, why: string): RpcError {
  const text = `The registry credentials in ${path} cannot be used: ${why}.`;
  return new RpcError('FAILED_PRECONDITION', 'REGISTRY_CREDENTIALS_UNREADABLE', text);
}

function headersOf(path: string, bytes: Uint8Array): Map<string, string> {
  const auths = parseRecord(bytes)?.['auths'];
  if (!isRecord(auths)) throw unreadable(path, 'it is no JSON object with "auths"');
  const headers = new Map<string, string>();
  for (const [key, value] of Object.entries(auths)) {
    const pair = isRecord(value) ? pairOf(value) : null;
    if (pair !== null) headers.set(hostOf(key), `Basic ${pair}`);
  }
  return headers;
}

/** Base64 of `user:password`; null for an entry that only a program could complete. */
function pairOf({ auth, username, password }: Readonly<Record<string, unknown>>): string | null {
  if (typeof auth === 'string' && /^[A-Za-z0-9+/=_-]{2,}$/.test(auth)) {
    return Buffer.from(auth, 'base64').toString('base64');
  }
  if (typeof username !== 'string' || typeof password !== 'string') return null;
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** `https://index.docker.io/v1/` is how Docker names its hub. */
function hostOf(key: string): string {
  const host = key
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .replace(/:443$/, '')
    .toLowerCase();
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
