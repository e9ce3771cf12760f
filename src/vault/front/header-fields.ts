import type { IncomingMessage } from 'node:http';

/** Names and values in turn, as Node's `rawHeaders`. */
export type RawFields = readonly string[];

/** Of one connection, never of the next (RFC 9110, 7.6.1); framing is made anew by Node. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** What `Connection` may not take away from a message: it says where it goes and how long it is. */
const essential = new Set(['host', 'content-length']);

/** What a trailer may not say (RFC 9110, 6.5.1). */
const notInTrailers = new Set([
  ...hopByHop,
  ...essential,
  'trailer',
  'authorization',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
]);

/** Fields of a message that go on to the next hop; those in `replaced`, in lower case, do not. */
export function endToEnd(raw: RawFields, replaced: ReadonlySet<string> = new Set()): string[] {
  const named = connectionOptions(raw);
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const isDropped = hopByHop.has(name) || (named.has(name) && !essential.has(name));
    if (!isDropped && !replaced.has(name)) kept.push(raw[at]!, raw[at + 1]!);
  }
  return kept;
}

/** Trailers that go on, as pairs. */
export function trailersOf(raw: RawFields): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (!notInTrailers.has(raw[at]!.toLowerCase())) pairs.push([raw[at]!, raw[at + 1]!]);
  }
  return pairs;
}

/** What `Connection` names, in lower case. */
function connectionOptions(raw: RawFields): ReadonlySet<string> {
  const named = new Set<string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]!.toLowerCase() !== 'connection') continue;
    for (const option of raw[at + 1]!.split(',')) named.add(option.trim().toLowerCase());
  }
  return named;
}

/** How a request's body is framed: by its length, in chunks, or there is none. */
export type Framing = 'length' | 'chunked' | 'none';

/**
 * The framing of a request, or why it is refused. Node's parser has already refused two lengths,
 * and a length beside chunks; here goes what two readers could still understand in two ways.
 */
export function framingOf(request: IncomingMessage): Framing | 'ambiguous' {
  const { headers, headersDistinct, httpVersionMinor } = request;
  const coding = headers['transfer-encoding'];
  const hosts = headersDistinct['host']?.length ?? 0;
  if (hosts > 1) return 'ambiguous';
  if (coding !== undefined) {
    const isChunked = coding.toLowerCase() === 'chunked' && httpVersionMinor > 0;
    return isChunked && headers['content-length'] === undefined ? 'chunked' : 'ambiguous';
  }
  return headers['content-length'] === undefined ? 'none' : 'length';
}
