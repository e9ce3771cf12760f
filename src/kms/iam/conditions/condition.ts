import { type Token, tokensOf } from './condition-tokens.ts';

/** What a condition may ask about. */
export interface ConditionAttributes {
  /** `projects/P/locations/L/keyRings/R/cryptoKeys/K`: what is used, not where the binding stands. */
  readonly resourceName: string;
  /** `cloudkms.googleapis.com/CryptoKey`. */
  readonly resourceType: string;
  /** ms since the Unix epoch. */
  readonly timeMs: number;
}

export type Condition = (attributes: ConditionAttributes) => boolean;

type Operand =
  | { readonly type: 'string'; readonly of: (attributes: ConditionAttributes) => string }
  | { readonly type: 'time'; readonly of: (attributes: ConditionAttributes) => number };

// Maps, not objects: an expression chooses the key.
const resourceFields = new Map<string, (attributes: ConditionAttributes) => string>([
  ['name', ({ resourceName }) => resourceName],
  ['type', ({ resourceType }) => resourceType],
  ['service', ({ resourceType }) => resourceType.split('/')[0]!],
]);

const stringTests = new Map<string, (text: string, part: string) => boolean>([
  ['startsWith', (text, part) => text.startsWith(part)],
  ['endsWith', (text, part) => text.endsWith(part)],
]);

const orders = new Map<string, (left: number, right: number) => boolean>([
  ['==', (left, right) => left === right],
  ['!=', (left, right) => left !== right],
  ['<', (left, right) => left < right],
  ['<=', (left, right) => left <= right],
  ['>', (left, right) => left > right],
  ['>=', (left, right) => left >= right],
]);

const timestampPattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/** So deep may parentheses and negations nest. */
const depthMax = 32;

/** Inside alone: what is not of the subset ends the reading. */
class NotEvaluable extends Error {}

/**
 * The condition that a binding's expression states, or null if it uses more of CEL than is
 * evaluated here: `resource.name`, `resource.type`, `resource.service` with ==, !=, startsWith and
 * endsWith; `request.time` compared with `timestamp("…")`; true, false, !, &&, || and parentheses.
 * An unknown part makes all of it null, so that a negation cannot turn it into a grant.
 */
export function parseCondition(expression: string): Condition | null {
  const tokens = tokensOf(expression);
  if (tokens === null) return null;
  try {
    return new ConditionReader(tokens).read();
  } catch (error) {
    if (error instanceof NotEvaluable) return null;
    throw error;
  }
}

/** Reads by recursive descent; || binds weakest, then &&, then !. */
class ConditionReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  read(): Condition {
    const condition = this.#either();
    if (this.#at < this.#tokens.length) throw new NotEvaluable();
    return condition;
  }

  #either(): Condition {
    const parts = [this.#both()];
    while (this.#takes('||')) parts.push(this.#both());
    return (attributes) => parts.some((part) => part(attributes));
  }

  #both(): Condition {
    const parts = [this.#single()];
    while (this.#takes('&&')) parts.push(this.#single());
    return (attributes) => parts.every((part) => part(attributes));
  }

  #single(): Condition {
    if (++this.#depth > depthMax) throw new NotEvaluable();
    const condition = this.#nested() ?? this.#comparison();
    this.#depth--;
    return condition;
  }

  #nested(): Condition | null {
    if (this.#takes('!')) {
      const negated = this.#single();
      return (attributes) => !negated(attributes);
    }
    if (this.#takes('(')) {
      const inner = this.#either();
      this.#require(')');
      return inner;
    }
    if (this.#takesName('true')) return () => true;
    return this.#takesName('false') ? () => false : null;
  }

  #comparison(): Condition {
    const left = this.#operand();
    const operator = this.#next('symbol');
    if (operator === '.' && left.type === 'string') return this.#stringTest(left.of);
    const order = orders.get(operator);
    if (order === undefined) throw new NotEvaluable();
    const right = this.#operand();
    if (left.type === 'time' && right.type === 'time') {
      return (attributes) => order(left.of(attributes), right.of(attributes));
    }
    const isEquality = operator === '==' || operator === '!=';
    if (left.type !== 'string' || right.type !== 'string' || !isEquality) throw new NotEvaluable();
    return (attributes) => (left.of(attributes) === right.of(attributes)) === (operator === '==');
  }

  #stringTest(text: (attributes: ConditionAttributes) => string): Condition {
    const test = stringTests.get(this.#next('name'));
    if (test === undefined) throw new NotEvaluable();
    this.#require('(');
    const part = this.#next('string');
    this.#require(')');
    return (attributes) => test(text(attributes), part);
  }

  #operand(): Operand {
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'string') return { type: 'string', of: () => token.text };
    if (token?.kind !== 'name') throw new NotEvaluable();
    if (token.text === 'timestamp') return this.#timestamp();
    this.#require('.');
    const field = this.#next('name');
    if (token.text === 'request' && field === 'time') {
      return { type: 'time', of: ({ timeMs }) => timeMs };
    }
    const of = resourceFields.get(field);
    if (token.text !== 'resource' || of === undefined) throw new NotEvaluable();
    return { type: 'string', of };
  }

  #timestamp(): Operand {
    this.#require('(');
    const text = this.#next('string');
    this.#require(')');
    const timeMs = timeOf(text);
    if (timeMs === null) throw new NotEvaluable();
    return { type: 'time', of: () => timeMs };
  }

  #takes(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'symbol' || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  #takesName(name: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'name' || token.text !== name) return false;
    this.#at++;
    return true;
  }

  #require(symbol: string): void {
    if (!this.#takes(symbol)) throw new NotEvaluable();
  }

  #next(kind: Token['kind']): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== kind) throw new NotEvaluable();
    return token.text;
  }
}

/** Null for what is no RFC 3339 timestamp, or names a day that does not exist. */
function timeOf(text: string): number | null {
  const [, year, month, day] = timestampPattern.exec(text) ?? [];
  const timeMs = Date.parse(text);
  if (day === undefined || Number.isNaN(timeMs)) return null;
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return midnight.getUTCDate() === Number(day) ? timeMs : null;
}
