import { RpcError } from '../../rpc/index.ts';

/** How a field is compared with a value. */
export type Comparator = '!=' | '!~' | ':' | '<' | '<=' | '=' | '=~' | '>' | '>=';

/**
 * A piece of a filter. `text` is what was meant: quotes and escapes are gone. A word may be a path:
 * `segments` are its parts, of which those in quotes may hold dots.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'comparator' | '(' | ')' | '-' | ',' | 'end';
  readonly text: string;
  readonly segments: readonly string[];
  /** Offset in the filter. */
  readonly at: number;
}

const comparators: readonly Comparator[] = ['!=', '!~', '<=', '>=', '=~', ':', '<', '=', '>'];
const wordEnd = /[\s()"'=!<>:~,]/;
const valueEnd = /[\s()"',]/;

/** The message names line and column, counted from 1, and the token, as Cloud Logging's does. */
export function filterError(filter: string, at: number, problem: string): RpcError {
  const before = filter.slice(0, at).split('\n');
  const shown = /^\S{1,40}/.exec(filter.slice(at))?.[0] ?? '';
  const place = `line ${before.length}, column ${before.at(-1)!.length + 1}, token '${shown}'`;
  const text = `Unparseable filter: ${problem} at ${place}`;
  return new RpcError('INVALID_ARGUMENT', 'BAD_FILTER', text);
}

/** Splits a filter into its pieces. What stands behind a comparator may hold `:` and the like. */
export function tokensOf(filter: string): Token[] {
  const lexer = new Lexer(filter);
  const tokens: Token[] = [];
  for (let token = lexer.next(); ; token = lexer.next()) {
    tokens.push(token);
    if (token.kind === 'end') return tokens;
  }
}

class Lexer {
  readonly #filter: string;
  #at = 0;
  #isValue = false;

  constructor(filter: string) {
    this.#filter = filter;
  }

  next(): Token {
    this.#skip();
    const at = this.#at;
    const char = this.#filter[at];
    if (char === undefined) return token('end', '', at);
    const token_ = this.#mark(char, at) ?? this.#text(at);
    // A comparator's group, `field=(a OR b)`, holds values as well.
    this.#isValue = token_.kind === 'comparator' || (token_.kind === '(' && this.#isValue);
    return token_;
  }

  /** White space, and comments from `--` to the end of the line. */
  #skip(): void {
    const found = /^(?:\s+|--[^\n]*)*/.exec(this.#filter.slice(this.#at))!;
    this.#at += found[0].length;
  }

  #mark(char: string, at: number): Token | null {
    if (char === '(' || char === ')' || char === ',') {
      this.#at++;
      return token(char, char, at);
    }
    if (this.#isValue) return null;
    if (char === '-') {
      this.#at++;
      return token('-', char, at);
    }
    const comparator = comparators.find((each) => this.#filter.startsWith(each, at));
    if (comparator === undefined) return null;
    this.#at += comparator.length;
    return token('comparator', comparator, at);
  }

  /** A word or path, or a quoted text that may begin a path. */
  #text(at: number): Token {
    const segments = [this.#segment()];
    const isQuoted = this.#filter[at] === '"' || this.#filter[at] === "'";
    while (!this.#isValue && this.#filter[this.#at] === '.' && this.#at < this.#filter.length) {
      this.#at++;
      segments.push(this.#segment());
    }
    if (segments.length > 1 && segments.includes('')) {
      throw filterError(this.#filter, at, 'syntax error');
    }
    const kind = isQuoted && segments.length === 1 ? 'quoted' : 'word';
    return { kind, text: segments.join('.'), segments, at };
  }

  #segment(): string {
    const start = this.#at;
    const quote = this.#filter[start];
    if (quote === '"' || quote === "'") return this.#quoted(quote);
    const end = this.#isValue ? valueEnd : wordEnd;
    const stops = (char: string): boolean => end.test(char) || (!this.#isValue && char === '.');
    while (this.#at < this.#filter.length && !stops(this.#filter[this.#at]!)) this.#at++;
    if (this.#at === start) throw filterError(this.#filter, start, 'syntax error');
    return this.#filter.slice(start, this.#at);
  }

  #quoted(quote: string): string {
    const start = this.#at++;
    let text = '';
    while (this.#filter[this.#at] !== quote) {
      const char = this.#filter[this.#at++];
      if (char === undefined) throw filterError(this.#filter, start, 'unterminated string');
      text += char === '\\' ? this.#escape() : char;
    }
    this.#at++;
    return text;
  }

  /** An escape that is none keeps its backslash: patterns are written with few of them. */
  #escape(): string {
    const char = this.#filter[this.#at++] ?? '';
    const known = { n: '\n', t: '\t', r: '\r', '"': '"', "'": "'", '\\': '\\' }[char];
    return known ?? `\\${char}`;
  }
}

function token(kind: Token['kind'], text: string, at: number): Token {
  return { kind, text, segments: [text], at };
}
