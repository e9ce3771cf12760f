import { wipe } from '../../crypto/index.ts';
import type { ServiceAccount } from './account.ts';

export interface CredentialsOptions {
  readonly account: ServiceAccount;
  readonly keyId: string;
  /** PKCS#8 in DER; stays the caller's. */
  readonly pkcs8: Uint8Array;
  /** Where the file's holder exchanges what it signs: our URL and `/token`. */
  readonly tokenUri: string;
}

const mark = '\u0000';
const lineCharacters = 64;
const base64Letters = Buffer.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  'latin1',
);
const padding = 0x3d;

/**
 * A credentials file as Google's clients read it. The private key is put in as bytes, and is in no
 * string of ours; the caller wipes what it gets.
 */
export function credentialsFile({
  account,
  keyId,
  pkcs8,
  tokenUri,
}: CredentialsOptions): Uint8Array {
  const json = JSON.stringify(
    {
      type: 'service_account',
      project_id: account.project,
      private_key_id: keyId,
      private_key: mark,
      client_email: account.email,
      client_id: account.uid,
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: tokenUri,
      universe_domain: 'googleapis.com',
    },
    null,
    2,
  );
  const [head = '', tail = ''] = json.split(JSON.stringify(mark).slice(1, -1));
  const pem = pemInJson(pkcs8);
  const file = new Uint8Array(head.length + pem.length + tail.length + 1);
  const ascii = new TextEncoder();
  file.set(ascii.encode(head), 0);
  file.set(pem, head.length);
  file.set(ascii.encode(`${tail}\n`), head.length + pem.length);
  wipe(pem);
  return file;
}

/** Base64 (RFC 4648, 4), made without a string: those cannot be wiped. */
export function base64Bytes(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  for (let at = 0, to = 0; at < bytes.length; at += 3, to += 4) {
    const word = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let place = 0; place < 4; place++) {
      out[to + place] = base64Letters[(word >>> (18 - 6 * place)) & 63]!;
    }
  }
  const missing = (3 - (bytes.length % 3)) % 3;
  return out.fill(padding, out.length - missing);
}

/** PEM (RFC 7468) whose line ends are written as JSON writes them in a string. */
function pemInJson(pkcs8: Uint8Array): Uint8Array {
  const base64 = base64Bytes(pkcs8);
  const ascii = new TextEncoder();
  const head = ascii.encode(String.raw`-----BEGIN PRIVATE KEY-----\n`);
  const tail = ascii.encode(String.raw`-----END PRIVATE KEY-----\n`);
  const end = ascii.encode(String.raw`\n`);
  const lines = Math.ceil(base64.length / lineCharacters);
  const out = new Uint8Array(head.length + base64.length + lines * end.length + tail.length);
  out.set(head, 0);
  let to = head.length;
  for (let at = 0; at < base64.length; at += lineCharacters) {
    const line = base64.subarray(at, at + lineCharacters);
    out.set(line, to);
    out.set(end, to + line.length);
    to += line.length + end.length;
  }
  out.set(tail, to);
  wipe(base64);
  return out;
}
