import { isUtf8 } from 'node:buffer';

import { decodeBase64 } from './base64.ts';

/** A message as its JSON says it, not yet checked against any limit. */
export interface ScannedMessage {
  readonly data: Uint8Array;
  readonly attributes: [string, string][];
  readonly orderingKey: string;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const noBytes = new Uint8Array(0);

/** The scanner met something that it leaves to the real parser. */
const unusual = Symbol('unusual');

/**
 * Reads `{"messages": [{"data": …, "attributes": …, "orderingKey": …}]}` straight from its bytes,
 * at a third of the cost of JSON.parse: payloads are found with one search and decoded in place.
 *
 * Undefined for everything else, escapes and errors among it: the real parser takes those, and is
 * the only one that has to explain itself. What is accepted here is accepted there, and means the
 * same.
 */
export function scanPublishRequest(body: Buffer): ScannedMessage[] | undefined {
  if (!isUtf8(body)) return undefined;
  try {
    return new PublishScanner(body).request();
  } catch (error) {
    if (error === unusual) return undefined;
    throw error;
  }
}

class PublishScanner {
  readonly #body: Buffer;
  #at = 0;
  /** Where the first escape is: strings before it end at the next quote. */
  readonly #firstBackslash: number;

  constructor(body: Buffer) {
    this.#body = body;
    const found = body.indexOf(backslash);
    this.#firstBackslash = found < 0 ? body.length : found;
  }

  request(): ScannedMessage[] {
    let messages: ScannedMessage[] | undefined;
    this.#members((name) => {
      if (name !== 'messages' || messages !== undefined) throw unusual;
      messages = this.#messages();
    });
    if (this.#peek() !== -1 || messages === undefined) throw unusual;
    return messages;
  }

  #messages(): ScannedMessage[] {
    const messages: ScannedMessage[] = [];
    this.#expect(openBracket);
    if (this.#take(closeBracket)) return messages;
    do messages.push(this.#message());
    while (this.#take(comma));
    this.#expect(closeBracket);
    return messages;
  }

  #message(): ScannedMessage {
    let data: Uint8Array | undefined;
    let attributes: [string, string][] | undefined;
    let orderingKey: string | undefined;
    this.#members((name) => {
      if (name === 'data' && data === undefined) data = this.#bytes();
      else if (name === 'attributes' && attributes === undefined) attributes = this.#attributes();
      else if (name === 'orderingKey' && orderingKey === undefined) orderingKey = this.#text();
      else throw unusual;
    });
    return { data: data ?? noBytes, attributes: attributes ?? [], orderingKey: orderingKey ?? '' };
  }

  #attributes(): [string, string][] {
    const attributes = new Map<string, string>();
    this.#members((name) => {
      // The real parser sorts keys that look like numbers; the order of a map says nothing anyway.
      attributes.set(name, this.#text());
    });
    return [...attributes];
  }

  /** An object: `read` is called after each name and its colon. */
  #members(read: (name: string) => void): void {
    this.#expect(openBrace);
    if (this.#take(closeBrace)) return;
    do {
      const name = this.#text();
      this.#expect(colon);
      read(name);
    } while (this.#take(comma));
    this.#expect(closeBrace);
  }

  #bytes(): Uint8Array {
    const end = this.#stringEnd();
    const bytes = decodeBase64(this.#body.toString('latin1', this.#at, end), true);
    if (bytes === undefined) throw unusual;
    this.#at = end + 1;
    return bytes;
  }

  #text(): string {
    const end = this.#stringEnd();
    for (let i = this.#at; i < end; i++) if (this.#body[i]! < 0x20) throw unusual;
    const text = this.#body.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** Enters a string and finds its closing quote; one with an escape is left to the parser. */
  #stringEnd(): number {
    this.#expect(quote);
    const end = this.#body.indexOf(quote, this.#at);
    if (end < 0 || this.#firstBackslash < end) throw unusual;
    return end;
  }

  #expect(byte: number): void {
    if (!this.#take(byte)) throw unusual;
  }

  #take(byte: number): boolean {
    if (this.#peek() !== byte) return false;
    this.#at++;
    return true;
  }

  /** The next byte that is not white space, or -1 at the end. */
  #peek(): number {
    for (;;) {
      const byte = this.#body[this.#at];
      if (byte === undefined) return -1;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#at++;
    }
  }
}
