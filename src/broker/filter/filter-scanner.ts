import type { RpcError } from '../../rpc/index.ts';
import { invalidArgument } from '../limits.ts';

const space = /[ \t\r\n]*/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
/** A dash is part of a key, and an operator everywhere else. */
const bareKey = /[A-Za-z_][A-Za-z0-9_-]*/y;
const plainText = /[^"\\]+/y;
const octal = /[0-3][0-7]{2}/y;

const simpleEscapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' };
/** Digits after the letter; each names a code point. */
const hexEscapes: Readonly<Record<string, RegExp>> = {
  x: /[0-9A-Fa-f]{2}/y,
  u: /[0-9A-Fa-f]{4}/y,
  U: /[0-9A-Fa-f]{8}/y,
};

/** Reads a filter's text from left to right; white space before anything is passed over. */
export class FilterScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Where the next thing begins. */
  get at(): number {
    this.#match(space);
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.at === this.#text.length;
  }

  takeSign(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.at)) return false;
    this.#at += sign.length;
    return true;
  }

  /** The whole word that comes next, if it is this one. */
  takeWord(expected: string): boolean {
    const { at } = this;
    if (this.#match(word) === expected) return true;
    this.#at = at;
    return false;
  }

  takeKey(): string {
    if (this.#text[this.at] === '"') return this.takeString();
    const key = this.#match(bareKey);
    if (key === '') throw this.refusal(this.#at, 'expected the key of an attribute');
    return key;
  }

  takeString(): string {
    const start = this.at;
    if (!this.takeSign('"')) throw this.refusal(start, 'expected a string in double quotes');
    let value = '';
    while (this.#text[this.#at] !== '"') {
      if (this.#at >= this.#text.length) throw this.refusal(start, 'the string is not closed');
      value += this.#text[this.#at] === '\\' ? this.#takeEscape() : this.#match(plainText);
    }
    this.#at++;
    return value;
  }

  /** INVALID_ARGUMENT; positions count characters, the first is 1. */
  refusal(at: number, rule: string): RpcError {
    const position = Array.from(this.#text.slice(0, at)).length + 1;
    return invalidArgument(`filter: position ${position}: ${rule}`);
  }

  #takeEscape(): string {
    const start = this.#at++;
    const letter = this.#text[this.#at] ?? '';
    const simple = simpleEscapes[letter];
    if (simple !== undefined) {
      this.#at++;
      return simple;
    }
    const digits = this.#match(octal);
    if (digits !== '') return String.fromCodePoint(Number.parseInt(digits, 8));
    const hex = hexEscapes[letter];
    if (hex === undefined) throw this.refusal(start, 'a string has an unknown escape');
    this.#at++;
    return this.#codePoint(start, this.#match(hex));
  }

  #codePoint(start: number, hex: string): string {
    if (hex === '') throw this.refusal(start, 'an escape has too few hexadecimal digits');
    const code = Number.parseInt(hex, 16);
    const isSurrogate = code >= 0xd800 && code <= 0xdfff;
    if (code > 0x10ffff || isSurrogate) {
      throw this.refusal(start, 'an escape names no Unicode character');
    }
    return String.fromCodePoint(code);
  }

  /** What the sticky pattern matches here, which is passed over; empty if it does not. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}
