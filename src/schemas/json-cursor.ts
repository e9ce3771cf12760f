import { Violation } from './violation.ts';

/** What JSON values are called in verdicts; production names them so. */
export type JsonKind =
  | 'object'
  | 'array'
  | 'string'
  | 'number_integer'
  | 'number_float'
  | 'boolean'
  | 'null';

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const quote = 0x22;
const backslash = 0x5c;

/**
 * Walks a JSON text (RFC 8259) value by value, keeping the digits of numbers as they are written.
 * Nothing is built, so a hostile text costs no more than its length.
 */
export class JsonCursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** What comes next. @throws Violation if it begins no value. */
  kind(): JsonKind {
    switch (this.#peek()) {
      case 0x7b:
        return 'object';
      case 0x5b:
        return 'array';
      case quote:
        return 'string';
      case 0x74:
      case 0x66:
        return 'boolean';
      case 0x6e:
        return 'null';
      default:
        return /[.eE]/.test(this.#numberAhead()) ? 'number_float' : 'number_integer';
    }
  }

  /** Calls `member` at the value of each member; it must consume the value. */
  object(member: (name: string) => void): void {
    this.#expect(0x7b);
    if (this.#take(0x7d)) return;
    do {
      const name = this.string();
      this.#expect(0x3a);
      member(name);
    } while (this.#take(0x2c));
    this.#expect(0x7d);
  }

  /** Calls `item` at each item; it must consume it. */
  array(item: () => void): void {
    this.#expect(0x5b);
    if (this.#take(0x5d)) return;
    do item();
    while (this.#take(0x2c));
    this.#expect(0x5d);
  }

  string(): string {
    this.#expect(quote);
    const start = this.#at;
    for (let at = start; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === quote) {
        this.#at = at + 1;
        return this.#text.slice(start, at);
      }
      if (code === backslash) return this.#escaped(start, at);
      if (!(code >= 0x20)) throw this.#malformed(at);
    }
  }

  /** The number as written. */
  number(): string {
    const digits = this.#numberAhead();
    this.#at += digits.length;
    return digits;
  }

  literal(word: 'true' | 'false' | 'null'): void {
    this.#peek();
    if (!this.#text.startsWith(word, this.#at)) throw this.#malformed(this.#at);
    this.#at += word.length;
  }

  boolean(): void {
    this.literal(this.#peek() === 0x74 ? 'true' : 'false');
  }

  /** @throws Violation if something follows. */
  end(): void {
    if (!Number.isNaN(this.#peek())) throw this.#malformed(this.#at);
  }

  #escaped(start: number, firstEscape: number): string {
    for (let at = firstEscape; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === backslash) at++;
      else if (code === quote) return this.#unescaped(start, at);
      else if (!(code >= 0x20)) throw this.#malformed(at);
    }
  }

  #unescaped(start: number, end: number): string {
    try {
      const text = JSON.parse(this.#text.slice(start - 1, end + 1)) as string;
      this.#at = end + 1;
      return text;
    } catch {
      throw this.#malformed(start);
    }
  }

  #numberAhead(): string {
    this.#peek();
    number.lastIndex = this.#at;
    const digits = number.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#malformed(this.#at);
    return digits;
  }

  /** The next character that is no white space; NaN at the end. */
  #peek(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at++;
    }
  }

  #take(code: number): boolean {
    if (this.#peek() !== code) return false;
    this.#at++;
    return true;
  }

  #expect(code: number): void {
    if (!this.#take(code)) throw this.#malformed(this.#at);
  }

  #malformed(at: number): Violation {
    return new Violation(
      at >= this.#text.length
        ? 'The message is not JSON: it ends too early.'
        : `The message is not JSON: it departs from it at character ${at}.`,
    );
  }
}
