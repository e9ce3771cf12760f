import { wipe } from '../../crypto/index.ts';
import type { OutgoingClient, OutgoingResponse } from '../../outgoing/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { TokenFile } from '../token-file.ts';
import { decodeBase64, encodeBase64 } from './base64-bytes.ts';
import { transitError, unansweredError, type TransitPlace } from './transit-error.ts';
import { transitKeyOf, versionIn } from './transit-name.ts';

export interface TransitClientOptions {
  /** `https://HOST:PORT/MOUNT`, without `/v1` and without a slash at its end. */
  readonly url: string;
  readonly outgoing: OutgoingClient;
  /** Null: requests carry no token, as behind an agent that adds its own. */
  readonly token: TokenFile | null;
}

/** A transit key as `GET keys/NAME` shows it, what of it matters. */
export interface TransitKey {
  readonly type: string;
  readonly isDerived: boolean;
  readonly isDeleted: boolean;
  readonly latestVersion: number;
  readonly decryptionVersionMin: number;
}

/** Answers hold one wrapped or unwrapped key, and are no longer than this. */
const responseBytesMax = 256 * 1024;

/**
 * The Transit engine's HTTP API, as far as keys are wrapped with it. Plaintexts are never strings:
 * a request's body is put together, and an answer's taken apart, as bytes that are overwritten.
 */
export class TransitClient {
  readonly #options: TransitClientOptions;
  readonly #base: string;

  constructor(options: TransitClientOptions) {
    this.#options = options;
    const { origin, pathname } = new URL(options.url);
    this.#base = `${origin}/v1${pathname}`;
  }

  /** @throws RpcError NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE, … as `transitError` says */
  async key(cryptoKey: string, timeoutMs: number): Promise<TransitKey> {
    const place = { path: `keys/${transitKeyOf(cryptoKey)}`, cryptoKey };
    const { body } = await this.#send('GET', place, new Uint8Array(0), timeoutMs);
    const data = dataOf(body, place);
    const { type, latest_version: latest, min_decryption_version: min } = data;
    if (typeof type !== 'string' || typeof latest !== 'number' || typeof min !== 'number') {
      throw unreadable(place);
    }
    return {
      type,
      isDerived: data['derived'] === true,
      isDeleted: data['soft_deleted'] === true,
      latestVersion: latest,
      decryptionVersionMin: min,
    };
  }

  /** The ciphertext, `vault:vN:…`, with the version in it. */
  async encrypt(
    cryptoKey: string,
    input: { readonly plaintext: Uint8Array; readonly associatedData: Uint8Array },
    timeoutMs: number,
  ): Promise<{ readonly ciphertext: string; readonly version: number }> {
    const place = { path: `encrypt/${transitKeyOf(cryptoKey)}`, cryptoKey };
    const plaintext = encodeBase64(input.plaintext);
    const request = jsonOf({ plaintext, associated_data: encodeBase64(input.associatedData) });
    wipe(plaintext);
    const { body } = await this.#send('POST', place, request, timeoutMs);
    const { ciphertext } = dataOf(body, place);
    const version = typeof ciphertext === 'string' ? versionIn(ciphertext) : null;
    if (typeof ciphertext !== 'string' || version === null) throw unreadable(place);
    return { ciphertext, version };
  }

  /** The plaintext; the caller overwrites it. */
  async decrypt(
    cryptoKey: string,
    input: { readonly ciphertext: string; readonly associatedData: Uint8Array },
    timeoutMs: number,
  ): Promise<Uint8Array> {
    const place = { path: `decrypt/${transitKeyOf(cryptoKey)}`, cryptoKey };
    const ciphertext = new TextEncoder().encode(input.ciphertext);
    const request = jsonOf({ ciphertext, associated_data: encodeBase64(input.associatedData) });
    const { body } = await this.#send('POST', place, request, timeoutMs);
    try {
      const plaintext = plaintextIn(body);
      if (plaintext === null) throw unreadable(place);
      return plaintext;
    } finally {
      wipe(body);
    }
  }

  async #send(
    method: 'GET' | 'POST',
    place: TransitPlace,
    body: Uint8Array,
    timeoutMs: number,
  ): Promise<OutgoingResponse> {
    const { outgoing, token } = this.#options;
    const headers: Record<string, string> = { 'x-vault-request': 'true' };
    if (method === 'POST') headers['content-type'] = 'application/json';
    if (token !== null) headers['x-vault-token'] = await token.token();
    const url = `${this.#base}/${place.path}`;
    const { signal } = new AbortController();
    let response: OutgoingResponse;
    try {
      const request = { url, method, headers, body, timeoutMs, signal, responseBytesMax };
      response = await outgoing.send(request);
    } catch (error) {
      throw unansweredError(error, place);
    } finally {
      wipe(body);
    }
    if (response.status === 200) return response;
    throw transitError(response.status, textsIn(response.body), place);
  }
}

/** An object of strings that need no escapes: base64, and transit's ciphertexts. */
function jsonOf(fields: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const text = new TextEncoder();
  const parts = Object.entries(fields).flatMap(([name, value], index) => [
    text.encode(`${index === 0 ? '{' : ','}"${name}":"`),
    value,
    text.encode('"'),
  ]);
  parts.push(text.encode('}'));
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const plaintextHead: Uint8Array = new TextEncoder().encode('"plaintext":"');
const quote = 0x22;

function plaintextIn(body: Uint8Array): Uint8Array | null {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const start = bytes.indexOf(plaintextHead);
  const end = start < 0 ? -1 : bytes.indexOf(quote, start + plaintextHead.length);
  return end < 0 ? null : decodeBase64(body.subarray(start + plaintextHead.length, end));
}

function parsed(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function dataOf(body: Uint8Array, place: TransitPlace): Record<string, unknown> {
  const { data } = parsed(body);
  if (typeof data !== 'object' || data === null) throw unreadable(place);
  return { ...data };
}

function textsIn(body: Uint8Array): string[] {
  const { errors } = parsed(body);
  return Array.isArray(errors) ? errors.filter((text) => typeof text === 'string') : [];
}

function unreadable({ path }: TransitPlace): RpcError {
  const text = `The transit engine's answer to ${path} is none that it gives.`;
  return new RpcError('UNAVAILABLE', 'TRANSIT_UNAVAILABLE', text);
}
