import { argumentError } from '../kms-error.ts';

export interface FilterToken {
  readonly kind: '(' | ')' | 'AND' | 'OR' | 'NOT' | 'operator' | 'text' | 'end';
  /** Without its quotes. */
  readonly text: string;
  /** Index in the filter. */
  readonly at: number;
}

const operatorPattern = /(?:!=|<=|>=|=>|=<|[=<>:])/y;
const wordPattern = /[^\s()"'=<>:!]+/y;
const words: Readonly<Record<string, FilterToken['kind']>> = { AND: 'AND', OR: 'OR', NOT: 'NOT' };
/** Google's page writes greater-or-equal so. */
const spellings: Readonly<Record<string, string>> = { '=>': '>=', '=<': '<=' };

/** The words of a filter, the end as the last. @throws RpcError INVALID_ARGUMENT */
export function tokensOf(text: string): FilterToken[] {
  const tokens: FilterToken[] = [];
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    const [token, end] = tokenAt(text, at, tokens.at(-1)?.kind);
    tokens.push(token);
    at = end;
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }];
}

function tokenAt(
  text: string,
  at: number,
  before: FilterToken['kind'] | undefined,
): [FilterToken, number] {
  const sign = text[at]!;
  if (sign === '(' || sign === ')') return [{ kind: sign, text: sign, at }, at + 1];
  if (sign === '"' || sign === "'") return quoted(text, at);
  if (sign === '-' && before !== 'operator') return [{ kind: 'NOT', text: sign, at }, at + 1];
  const operator = matchAt(operatorPattern, text, at);
  if (operator !== null) {
    const kind = 'operator';
    return [{ kind, text: spellings[operator] ?? operator, at }, at + operator.length];
  }
  const word = before === 'operator' ? valueAt(text, at) : matchAt(wordPattern, text, at);
  if (word === null) throw filterError(`'${sign}' is unexpected`, at);
  return [{ kind: words[word] ?? 'text', text: word, at }, at + word.length];
}

/** A value may have colons: times do. */
function valueAt(text: string, at: number): string | null {
  return matchAt(/[^\s()"'=<>!]+/y, text, at);
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

function quoted(text: string, at: number): [FilterToken, number] {
  let value = '';
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === text[at]) return [{ kind: 'text', text: value, at }, i + 1];
    if (text[i] === '\\' && i + 1 < text.length) i++;
    value += text[i];
  }
  throw filterError('a quotation has no end', at);
}

export function filterError(what: string, at: number): Error {
  return argumentError(
    'filter',
    `Request field filter is invalid at character ${at + 1}: ${what}.`,
  );
}
