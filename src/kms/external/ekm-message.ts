import { wipe } from '../../crypto/index.ts';
import type { VersionUse } from '../providers/key-provider.ts';
import { decodeBase64, encodeBase64 } from './base64-bytes.ts';
import type { KeyUri } from './key-uri.ts';

/**
 * The messages of the protocol of Cloud EKM: JSON of protocol buffers, bytes in base64. What is
 * wrapped is never part of a string: it is written into the body, and taken out of it, as bytes.
 */
export interface TakenAnswer {
  /** The caller owns these bytes and overwrites them as soon as it can. */
  readonly bytes: Uint8Array;
  /** The other members. */
  readonly rest: Readonly<Record<string, unknown>>;
}

const utf8 = new TextEncoder();
const quote = 0x22;
const colon = 0x3a;
const space = 0x20;

/** The body of a call; the caller overwrites it afterwards. */
export function requestBody(
  uri: KeyUri,
  use: VersionUse,
  associatedData: Uint8Array,
  input: { readonly field: 'plaintext' | 'wrappedBlob'; readonly bytes: Uint8Array },
): Uint8Array {
  const head = JSON.stringify({
    keyPath: uri.keyPath,
    keyUriPrefix: uri.prefix,
    additionalContext: {
      fullResourceName: `//cloudkms.googleapis.com/${use.name}`,
      relativeResourceName: use.name,
      accessReasonContext: { reason: use.reason },
      isKeyHealthCheck: use.isHealthCheck === true,
    },
    additionalAuthenticatedData: Buffer.from(associatedData).toString('base64'),
  });
  const before = utf8.encode(`${head.slice(0, -1)},"${input.field}":"`);
  const value = encodeBase64(input.bytes);
  const body = new Uint8Array(before.length + value.length + 2);
  body.set(before);
  body.set(value, before.length);
  body.set([quote, 0x7d], before.length + value.length);
  wipe(value);
  return body;
}

/**
 * Takes the bytes of one member out of an answer and leaves blanks there, so that the rest can be
 * read as text. Null unless the answer is a JSON object with that member, once, in base64.
 */
export function takeBytes(body: Uint8Array, member: string): TakenAnswer | null {
  const found = valueOf(body, member);
  if (found === null) return null;
  const bytes = decodeBase64(found);
  const blanks = ' '.repeat(found.length);
  found.fill(space);
  if (bytes === null) return null;
  const rest = jsonObject(body);
  // A second member of the name, or one inside of another, would not be the blanks.
  if (rest?.[member] === blanks) return { bytes, rest };
  wipe(bytes);
  return null;
}

/** The bytes between the quotes after `"member":`. */
function valueOf(body: Uint8Array, member: string): Uint8Array | null {
  const name = Buffer.from(`"${member}"`);
  const nameAt = Buffer.from(body.buffer, body.byteOffset, body.length).indexOf(name);
  if (nameAt === -1) return null;
  const colonAt = afterSpace(body, nameAt + name.length);
  if (body[colonAt] !== colon) return null;
  const openAt = afterSpace(body, colonAt + 1);
  const closeAt = body.indexOf(quote, openAt + 1);
  return body[openAt] === quote && closeAt !== -1 ? body.subarray(openAt + 1, closeAt) : null;
}

function afterSpace(body: Uint8Array, from: number): number {
  let at = from;
  while (at < body.length && [0x20, 0x09, 0x0a, 0x0d].includes(body[at]!)) at++;
  return at;
}

function jsonObject(body: Uint8Array): Record<string, unknown> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/**
 * `allowedCacheDuration` in ms: `"300s"`, `"0.5s"`; undefined if it is absent, null if it is
 * anything else than a duration that is not negative.
 */
export function cacheMsOf(rest: Readonly<Record<string, unknown>>): number | null | undefined {
  const given = rest['allowedCacheDuration'];
  if (given === undefined || given === null) return undefined;
  if (typeof given !== 'string' || !/^[0-9]{1,12}(\.[0-9]{1,9})?s$/.test(given)) return null;
  return Math.floor(Number(given.slice(0, -1)) * 1_000);
}
