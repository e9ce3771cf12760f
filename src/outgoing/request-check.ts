import { OutgoingError, type OutgoingRequest } from './outgoing-client.ts';

/** Where a request goes, once its URL has been read. */
export interface Destination {
  readonly isTls: boolean;
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
}

/** What the connection needs for itself; a caller's word would desynchronise it or aim it elsewhere. */
const ownHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]{1,1024}$/;
const headerValue = /^[\x20-\x7e\xa0-\xff]*$/;

/** True if a request may carry this header: a lower-case token, one line of Latin-1 text. */
export function isSendableHeader(name: string, value: string): boolean {
  return headerName.test(name) && !ownHeaders.has(name) && headerValue.test(value);
}

/** Throws OutgoingError `request refused`; the text never shows a header's value. */
export function checkRequest(request: Pick<OutgoingRequest, 'url' | 'headers'>): Destination {
  for (const [name, value] of Object.entries(request.headers)) {
    if (!isSendableHeader(name, value)) {
      const shown = JSON.stringify(name.slice(0, 100));
      throw new OutgoingError('request refused', `The header ${shown} may not be sent.`);
    }
  }
  return destinationOf(request.url);
}

function destinationOf(text: string): Destination {
  const url = URL.parse(text);
  if (url === null) throw refused('It is no URL.');
  const isTls = url.protocol === 'https:';
  if (!isTls && url.protocol !== 'http:') throw refused('Only http and https may be called.');
  if (url.username !== '' || url.password !== '') throw refused('It carries a user or password.');
  return {
    isTls,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
  };
}

function refused(why: string): OutgoingError {
  return new OutgoingError('request refused', `The endpoint's URL may not be called: ${why}`);
}
