/** Where an external key is: `https://ekm.example.com/v0/a-key`. */
export interface KeyUri {
  /** As it was given; the only spelling of the URL that is accepted. */
  readonly text: string;
  /** Without port. */
  readonly hostname: string;
  /** The host, with its port if that is not 443: the audience of tokens. */
  readonly audience: string;
  /** The path without its first slash. */
  readonly keyPath: string;
  /** What stands before the path, with the slash. */
  readonly prefix: string;
}

const lengthMax = 2_048;

/** Null unless `text` is an https URL with a path, in its one canonical spelling, and no more. */
export function parseKeyUri(text: string): KeyUri | null {
  if (text.length > lengthMax || /[?#@]/.test(text)) return null;
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:' || url.href !== text) return null;
  const keyPath = url.pathname.slice(1);
  if (keyPath === '' || keyPath.endsWith('/')) return null;
  return {
    text,
    hostname: url.hostname,
    audience: url.host,
    keyPath,
    prefix: text.slice(0, -keyPath.length),
  };
}
