import { type Comparator, filterError, type Token, tokensOf } from './filter-lexer.ts';
import { comparisonOf, type Test } from './comparison.ts';

/** A parsed filter. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly kind: 'not'; readonly of: Filter }
  | Comparison
  /** Any field's text holds it, whatever the case. */
  | { readonly kind: 'search'; readonly text: string };

export interface Comparison {
  readonly kind: 'compare';
  readonly path: readonly string[];
  readonly comparator: Comparator;
  readonly value: string;
  /** The value is `*`: any will do. */
  readonly isAny: boolean;
  /** Whether one value of the field passes. */
  readonly test: Test;
}

const filterLengthMax = 20_000;
const depthMax = 100;
const patternsMax = 10;

/**
 * Parses the language of Cloud Logging: comparisons, AND, OR, NOT, `-`, parentheses, texts that
 * search all fields, `field=(a OR b)`, `log_id(...)`. As there, OR binds more closely than AND, and
 * AND may be left out.
 *
 * @throws RpcError INVALID_ARGUMENT, with line, column and token
 */
export function parseFilter(filter: string): Filter {
  if (filter.length > filterLengthMax) {
    throw filterError(filter, filterLengthMax, `longer than ${filterLengthMax} characters`);
  }
  return new Parser(filter).parse();
}

class Parser {
  readonly #filter: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #patterns = 0;

  constructor(filter: string) {
    this.#filter = filter;
    this.#tokens = tokensOf(filter);
  }

  parse(): Filter {
    if (this.#peek().kind === 'end') return { kind: 'and', of: [] };
    const parsed = this.#and(() => this.#term());
    if (this.#peek().kind !== 'end') throw this.#error(this.#peek());
    return parsed;
  }

  #and(term: () => Filter): Filter {
    const of = [this.#or(term)];
    while (this.#peek().kind !== 'end' && this.#peek().kind !== ')') {
      this.#takeWord('AND');
      of.push(this.#or(term));
    }
    return of.length === 1 ? of[0]! : { kind: 'and', of };
  }

  #or(term: () => Filter): Filter {
    const of = [this.#not(term)];
    while (this.#takeWord('OR')) of.push(this.#not(term));
    return of.length === 1 ? of[0]! : { kind: 'or', of };
  }

  #not(term: () => Filter): Filter {
    if (!this.#takeWord('NOT') && !this.#take('-')) return this.#nested(term);
    return this.#deeper(() => ({ kind: 'not', of: this.#not(term) }));
  }

  #nested(term: () => Filter): Filter {
    if (!this.#take('(')) return term();
    return this.#deeper(() => {
      const inner = this.#and(term);
      this.#expect(')');
      return inner;
    });
  }

  /** Bounds the stack, of the parser and of whoever walks what it made. */
  #deeper(parse: () => Filter): Filter {
    if (++this.#depth > depthMax) {
      throw filterError(this.#filter, this.#peek().at, 'too deeply nested');
    }
    const parsed = parse();
    this.#depth--;
    return parsed;
  }

  #term(): Filter {
    const token = this.#takeText();
    if (token.text === 'log_id' && token.kind === 'word' && this.#take('(')) return this.#logId();
    const { kind, text } = this.#peek();
    if (kind !== 'comparator') return { kind: 'search', text: token.text };
    this.#next++;
    const field = { path: token.segments, comparator: text as Comparator, at: token.at };
    return this.#nested(() => this.#value(field));
  }

  #value(field: { path: readonly string[]; comparator: Comparator; at: number }): Filter {
    const { path, comparator } = field;
    const token = this.#takeText();
    if (comparator.endsWith('~') && ++this.#patterns > patternsMax) {
      throw filterError(this.#filter, token.at, `more than ${patternsMax} patterns`);
    }
    const isAny = token.kind === 'word' && token.text === '*';
    const made = comparisonOf(path, comparator, isAny ? null : token.text);
    if ('test' in made) {
      return { kind: 'compare', path, comparator, value: token.text, isAny, test: made.test };
    }
    throw filterError(this.#filter, made.isField ? field.at : token.at, made.problem);
  }

  /** `log_id("cloudaudit.googleapis.com/activity")`, whatever the project. */
  #logId(): Filter {
    const { text } = this.#takeText();
    this.#expect(')');
    const suffix = `/logs/${encodeURIComponent(decoded(text))}`.toLowerCase();
    const test: Test = (value) => typeof value === 'string' && value.toLowerCase().endsWith(suffix);
    const path = ['logName'];
    return { kind: 'compare', path, comparator: '=', value: suffix, isAny: false, test };
  }

  #takeText(): Token {
    const token = this.#peek();
    const isWord = token.kind === 'word' && !isKeyword(token);
    if (!isWord && token.kind !== 'quoted') throw this.#error(token);
    this.#next++;
    return token;
  }

  #takeWord(word: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'word' || token.text !== word) return false;
    this.#next++;
    return true;
  }

  #take(kind: Token['kind']): boolean {
    if (this.#peek().kind !== kind) return false;
    this.#next++;
    return true;
  }

  #expect(kind: Token['kind']): void {
    if (!this.#take(kind)) throw this.#error(this.#peek());
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #error(token: Token): Error {
    const isEnd = token.kind === 'end';
    return filterError(this.#filter, token.at, isEnd ? 'unexpected end' : 'syntax error');
  }
}

function isKeyword({ text }: Token): boolean {
  return text === 'AND' || text === 'OR' || text === 'NOT';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
