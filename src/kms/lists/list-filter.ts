import { filterError, type FilterToken, tokensOf } from './filter-tokens.ts';

/** A field that a list can be filtered by. Times are ms since the epoch, durations seconds. */
export interface FilterField<T> {
  readonly kind: 'text' | 'time' | 'duration';
  readonly read: (item: T) => string | number | undefined;
}

/** Null: there is no such field. Paths are in snake case: `labels.team`, `primary.state`. */
export type FilterFields<T> = (path: string) => FilterField<T> | null;

export type Filter<T> = (item: T) => boolean;

const lengthMax = 4096;
const depthMax = 32;
const durationPattern = /^(-?\d+(?:\.\d+)?)s$/;
const timePattern =
  /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Cloud KMS's filters of lists: comparisons of fields by `=`, `!=`, `<`, `<=`, `>`, `>=` and `:`
 * (contains, without regard to case), joined by OR, which binds closer, AND or a space; NOT or `-`
 * before, parentheses around.
 *
 * @throws RpcError INVALID_ARGUMENT, with the place of what is wrong
 */
export function listFilter<T>(text: string, fields: FilterFields<T>): Filter<T> {
  if (text.trim() === '') return () => true;
  if (text.length > lengthMax) throw filterError(`it is longer than ${lengthMax} characters`, 0);
  return new FilterParser(tokensOf(text), fields).whole();
}

class FilterParser<T> {
  readonly #tokens: readonly FilterToken[];
  readonly #fields: FilterFields<T>;
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly FilterToken[], fields: FilterFields<T>) {
    this.#tokens = tokens;
    this.#fields = fields;
  }

  whole(): Filter<T> {
    const filter = this.#conjunction();
    if (this.#peek().kind !== 'end') throw this.#unexpected();
    return filter;
  }

  #conjunction(): Filter<T> {
    const parts = [this.#disjunction()];
    while (this.#peek().kind !== 'end' && this.#peek().kind !== ')') {
      this.#accept('AND');
      parts.push(this.#disjunction());
    }
    return (item) => parts.every((part) => part(item));
  }

  #disjunction(): Filter<T> {
    const parts = [this.#term()];
    while (this.#accept('OR')) parts.push(this.#term());
    return (item) => parts.some((part) => part(item));
  }

  #term(): Filter<T> {
    if (this.#accept('NOT')) {
      const inner = this.#term();
      return (item) => !inner(item);
    }
    if (!this.#accept('(')) return this.#comparison();
    if (++this.#depth > depthMax) throw filterError('it is nested too deeply', this.#peek().at);
    const inner = this.#conjunction();
    if (!this.#accept(')')) throw this.#unexpected();
    this.#depth--;
    return inner;
  }

  #comparison(): Filter<T> {
    const path = this.#take('text');
    const field = this.#fields(snakePath(path.text));
    if (field === null) throw filterError(`there is no field '${path.text.slice(0, 64)}'`, path.at);
    const operator = this.#take('operator');
    return comparison(field, operator.text, this.#take('text'));
  }

  #peek(): FilterToken {
    return this.#tokens[this.#next]!;
  }

  #accept(kind: FilterToken['kind']): boolean {
    if (this.#peek().kind !== kind) return false;
    this.#next++;
    return true;
  }

  #take(kind: FilterToken['kind']): FilterToken {
    const token = this.#peek();
    if (!this.#accept(kind)) throw this.#unexpected();
    return token;
  }

  #unexpected(): Error {
    const { kind, text, at } = this.#peek();
    const what = kind === 'end' ? 'it ends too early' : `'${text.slice(0, 64)}' is unexpected`;
    return filterError(what, at);
  }
}

/** `versionTemplate.protectionLevel` is `version_template.protection_level`; labels stay as they are. */
function snakePath(path: string): string {
  if (path.startsWith('labels.')) return path;
  return path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function comparison<T>(field: FilterField<T>, operator: string, value: FilterToken): Filter<T> {
  if (operator === ':') return containment(field, value.text);
  const wanted = valueOf(field, value);
  const compare = (item: T): number | null => {
    const found = field.read(item);
    if (found === undefined) return null;
    return found === wanted ? 0 : found < wanted ? -1 : 1;
  };
  const tests: Readonly<Record<string, (order: number | null) => boolean>> = {
    '=': (order) => order === 0,
    '!=': (order) => order !== 0,
    '<': (order) => order === -1,
    '<=': (order) => order === -1 || order === 0,
    '>': (order) => order === 1,
    '>=': (order) => order === 1 || order === 0,
  };
  const test = tests[operator]!;
  return (item) => test(compare(item));
}

/** `:*` asks whether the field is there at all. */
function containment<T>(field: FilterField<T>, text: string): Filter<T> {
  if (text === '*') return (item) => field.read(item) !== undefined;
  const wanted = text.toLowerCase();
  return (item) => {
    const found = field.read(item);
    if (found === undefined) return false;
    const shown = field.kind === 'time' ? new Date(Number(found)).toISOString() : String(found);
    return shown.toLowerCase().includes(wanted);
  };
}

function valueOf<T>({ kind }: FilterField<T>, { text, at }: FilterToken): string | number {
  if (kind === 'text') return text;
  if (kind === 'time') {
    const ms = timePattern.test(text) ? Date.parse(text) : NaN;
    if (Number.isNaN(ms)) throw filterError(`'${text.slice(0, 64)}' is no RFC 3339 time`, at);
    return ms;
  }
  const seconds = durationPattern.exec(text)?.[1];
  if (seconds === undefined) throw filterError(`'${text.slice(0, 64)}' is no duration`, at);
  return Number(seconds);
}
