import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';

export interface ProtoToken {
  readonly kind: 'word' | 'number' | 'string' | 'symbol' | 'end';
  /** The text; of strings what is between the quotes, escapes and all. */
  readonly text: string;
  readonly line: number;
}

const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const number =
  /(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)[A-Za-z0-9_.]*/y;
const string = /"((?:[^"\\\n\0]|\\[^\n\0])*)"|'((?:[^'\\\n\0]|\\[^\n\0])*)'/y;
const symbols = '{}[]()<>=;:,.-+/';
const maxWord = 255;

/** Cuts a .proto file into words, numbers, strings and symbols, in one pass. */
export class ProtoTokens {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #next: ProtoToken | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next token, left in place. */
  peek(): ProtoToken {
    this.#next ??= this.#scan();
    return this.#next;
  }

  next(): ProtoToken {
    const token = this.peek();
    if (token.kind !== 'end') this.#next = undefined;
    return token;
  }

  /** Takes the token if it is this symbol or word. */
  take(text: string): boolean {
    const token = this.peek();
    const isIt = token.text === text && (token.kind === 'symbol' || token.kind === 'word');
    if (isIt) this.next();
    return isIt;
  }

  expect(text: string): void {
    if (!this.take(text)) throw this.unexpected(`"${text}"`);
  }

  of(kind: 'word' | 'number' | 'string', what: string): string {
    if (this.peek().kind !== kind) throw this.unexpected(what);
    return this.next().text;
  }

  unexpected(expected: string): SchemaError {
    const { kind, text, line } = this.peek();
    const found = kind === 'end' ? 'the end' : quoted(text);
    return new SchemaError(`Line ${line}: expected ${expected}, found ${found}.`);
  }

  failure(message: string): SchemaError {
    return new SchemaError(`Line ${this.peek().line}: ${message}`);
  }

  #scan(): ProtoToken {
    this.#skipBlank();
    const line = this.#line;
    if (this.#at >= this.#text.length) return { kind: 'end', text: '', line };
    const match = this.#match(word) ?? this.#match(number) ?? this.#match(string);
    if (match !== undefined) return this.#matched(match, line);
    const symbol = this.#text[this.#at]!;
    if (!symbols.includes(symbol)) {
      throw new SchemaError(`Line ${line}: ${quoted(symbol)} begins nothing.`);
    }
    this.#at++;
    return { kind: 'symbol', text: symbol, line };
  }

  #matched(match: RegExpExecArray, line: number): ProtoToken {
    this.#at += match[0].length;
    const content = match[1] ?? match[2];
    if (content !== undefined) return { kind: 'string', text: content, line };
    if (match[0].length > maxWord) throw new SchemaError(`Line ${line}: a word is too long.`);
    const kind = /^[A-Za-z_]/.test(match[0]) ? 'word' : 'number';
    return { kind, text: match[0], line };
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text) ?? undefined;
  }

  #skipBlank(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]!;
      if (char === '\n') this.#line++;
      else if (char === '/' && '/*'.includes(this.#text[this.#at + 1] ?? ' ')) this.#skipComment();
      else if (!' \t\r\f\v'.includes(char)) return;
    }
  }

  /** Leaves the position at the comment's last character. */
  #skipComment(): void {
    const isLine = this.#text[this.#at + 1] === '/';
    const end = this.#text.indexOf(isLine ? '\n' : '*/', this.#at + 2);
    if (end < 0 && !isLine) throw new SchemaError(`Line ${this.#line}: a comment never ends.`);
    const last = end < 0 ? this.#text.length : end + (isLine ? -1 : 1);
    for (let at = this.#at; at <= last; at++) if (this.#text[at] === '\n') this.#line++;
    this.#at = last;
  }
}

const escapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
};

/** The bytes that a string's text stands for, by C's escapes. */
export function unescaped(text: string): Uint8Array {
  const pattern =
    /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/g;
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push(Buffer.from(text.slice(from, match.index), 'utf8'), escapedBytes(match));
    from = match.index + match[0].length;
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'));
  return Buffer.concat(parts);
}

function escapedBytes(match: RegExpExecArray): Buffer {
  const [, octal, hex, unicode, long, char = ''] = match;
  if (octal !== undefined) return Buffer.from([Number.parseInt(octal, 8) & 0xff]);
  if (hex !== undefined) return Buffer.from([Number.parseInt(hex, 16)]);
  const code = unicode ?? long;
  if (code === undefined) {
    return Object.hasOwn(escapes, char) ? Buffer.from([escapes[char]!]) : Buffer.from(char, 'utf8');
  }
  const point = Number.parseInt(code, 16);
  if (point > 0x10ffff) throw new SchemaError(`\\${code} is no character.`);
  return Buffer.from(String.fromCodePoint(point), 'utf8');
}
