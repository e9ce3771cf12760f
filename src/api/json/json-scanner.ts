import { isUtf8 } from 'node:buffer';

import { decodeBase64 } from './base64.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** More digits might not be exact, and are the parser's. */
const digitsMax = 15;

const knownNames = [
  'id publish topic messages data attributes orderingKey',
  'acknowledge modifyAckDeadline stream ackIds ackDeadlineSeconds',
].flatMap((names) => names.split(' '));
const namesByLength = Array.from({ length: 20 }, (_, length) =>
  knownNames.filter((name) => name.length === length),
);

/** The scanner met something that it leaves to the real parser. */
export const unusual: unique symbol = Symbol('unusual');

/**
 * What `scan` makes of a body, or undefined if it met anything unusual, escapes and errors among
 * it: the real parser takes those, and is the only one that has to explain itself. What is accepted
 * here has to be accepted there, and mean the same.
 */
export function scanned<Value>(
  body: Buffer,
  scan: (scanner: JsonScanner) => Value,
): Value | undefined {
  if (!isUtf8(body)) return undefined;
  try {
    const scanner = new JsonScanner(body);
    const value = scan(scanner);
    scanner.end();
    return value;
  } catch (error) {
    if (error === unusual) return undefined;
    throw error;
  }
}

/**
 * Reads JSON of a known shape straight from its bytes, at a third of the cost of JSON.parse: texts
 * are found with one search, and base64 is decoded in place. Every method throws `unusual`.
 */
export class JsonScanner {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** An object: `read` is called after each name and its colon. */
  members(read: (name: string) => void): void {
    this.#expect(openBrace);
    if (this.#take(closeBrace)) return;
    do {
      const name = this.#name();
      this.#expect(colon);
      read(name);
    } while (this.#take(comma));
    this.#expect(closeBrace);
  }

  items<Item>(read: () => Item): Item[] {
    const items: Item[] = [];
    this.#expect(openBracket);
    if (this.#take(closeBracket)) return items;
    do items.push(read());
    while (this.#take(comma));
    this.#expect(closeBracket);
    return items;
  }

  base64(): Uint8Array {
    this.#expect(quote);
    // Whatever stands before the next quote: an escape is no base64 either.
    const end = this.#body.indexOf(quote, this.#at);
    if (end < 0) throw unusual;
    const bytes = decodeBase64(this.#body.toString('latin1', this.#at, end), true);
    if (bytes === undefined) throw unusual;
    this.#at = end + 1;
    return bytes;
  }

  text(): string {
    this.#expect(quote);
    const start = this.#at;
    const end = this.#textEnd();
    this.#at = end + 1;
    return this.#body.toString('utf8', start, end);
  }

  /** A number of digits alone. */
  integer(): number {
    let digit = this.#peek() - 0x30;
    const start = this.#at;
    let value = 0;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = (this.#body[++this.#at] ?? 0) - 0x30;
    }
    const count = this.#at - start;
    const hasLeadingZero = count > 1 && this.#body[start] === 0x30;
    if (count < 1 || count > digitsMax || hasLeadingZero) throw unusual;
    return value;
  }

  end(): void {
    if (this.#peek() !== -1) throw unusual;
  }

  /** A member's name: those of our own messages are known without decoding them. */
  #name(): string {
    this.#expect(quote);
    const start = this.#at;
    const end = this.#textEnd();
    this.#at = end + 1;
    const body = this.#body;
    for (const name of namesByLength[end - start] ?? []) {
      let at = 0;
      while (at < name.length && name.charCodeAt(at) === body[start + at]) at++;
      if (at === name.length) return name;
    }
    return body.toString('utf8', start, end);
  }

  /** Where the string at hand ends; one with an escape is left to the parser. */
  #textEnd(): number {
    const body = this.#body;
    let at = this.#at;
    for (;;) {
      const byte = body[at];
      if (byte === quote) return at;
      if (byte === undefined || byte < 0x20 || byte === backslash) throw unusual;
      at++;
    }
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
