/** RFC 9110, 5.1: a field name is a token. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII and spaces: no receiver reads anything else the same way (RFC 9110, 5.5). */
const text = /^[\x20-\x7e]*$/;

/**
 * Names that say something about the connection, the framing, the sender or the caller's rights.
 * A publisher sets attributes, and none of these is a publisher's to say.
 */
const reserved: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
  'x-real-ip',
]);
const reservedPrefixes: readonly string[] = ['proxy-', 'x-forwarded-', 'x-goog-pubsub-'];

/** Whether a header of this name (lower case) and value may be written. */
export function isHeaderText(name: string, value: string): boolean {
  return token.test(name) && text.test(value);
}

function isReserved(name: string): boolean {
  return reserved.has(name) || reservedPrefixes.some((prefix) => name.startsWith(prefix));
}

/**
 * The attributes of a message as headers, names in lower case. What is no header text or is not a
 * publisher's to set is left out, and so are later names that differ from an earlier one in case.
 */
export function attributeHeaders(
  attributes: readonly (readonly [string, string])[],
): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [key, value] of attributes) {
    const name = key.toLowerCase();
    if (headers.has(name) || isReserved(name) || !isHeaderText(name, value)) continue;
    headers.set(name, value);
  }
  return headers;
}
