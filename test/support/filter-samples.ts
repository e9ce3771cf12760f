import * as fc from 'fast-check';
import type { Expression } from '../../src/broker/filter/expression.ts';

/** Few keys and values, so that filters and messages meet; and a few of every sort. */
const anyKey: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'a-b', 'AND', 'é', 'iana.org/tag') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }) },
);
const anyValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('', 'v', 'va', 'value', 'é', '"\\\n\t') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
);

/** Attributes as a publisher sends them: a key may come twice, then the last one counts. */
export const anyAttributes: fc.Arbitrary<[string, string][]> = fc.array(
  fc.tuple(anyKey, anyValue),
  { maxLength: 5 },
);

export const anyExpression: fc.Arbitrary<Expression> = fc.letrec<{ expression: Expression }>(
  (tie) => {
    const operands = fc.array(tie('expression'), { minLength: 2, maxLength: 3 });
    return {
      expression: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.record({ kind: fc.constant('present' as const), key: anyKey }),
        comparison('equals'),
        comparison('differs'),
        comparison('prefix'),
        fc.record({ kind: fc.constant('not' as const), operand: tie('expression') }),
        fc.record({ kind: fc.constant('and' as const), operands }),
        fc.record({ kind: fc.constant('or' as const), operands }),
      ),
    };
  },
).expression;

function comparison<Kind extends 'equals' | 'differs' | 'prefix'>(
  kind: Kind,
): fc.Arbitrary<{ kind: Kind; key: string; value: string }> {
  return fc.record({ kind: fc.constant(kind), key: anyKey, value: anyValue });
}

/** The expression as a filter; where the language leaves a choice, `choices` decides. */
export function print(expression: Expression, choices: Iterable<number>): string {
  return new Printer(choices).expression(expression);
}

class Printer {
  readonly #choices: Iterator<number>;

  constructor(choices: Iterable<number>) {
    this.#choices = choices[Symbol.iterator]();
  }

  expression(expression: Expression): string {
    switch (expression.kind) {
      case 'and':
      case 'or': {
        const operator = `${this.#gap()} ${expression.kind.toUpperCase()} ${this.#gap()}`;
        return expression.operands.map((operand) => this.#unary(operand)).join(operator);
      }
      default:
        return this.#unary(expression);
    }
  }

  #unary(expression: Expression): string {
    switch (expression.kind) {
      case 'and':
      case 'or':
        return this.#bracketed(expression);
      case 'not':
        return this.#choose('NOT ', '-', 'NOT\n', '- ') + this.#unary(expression.operand);
      default:
        return this.#choose(0, 0, 0, 1) === 1
          ? this.#bracketed(expression)
          : this.#primary(expression);
    }
  }

  #bracketed(expression: Expression): string {
    const inner = this.#isPlain(expression)
      ? this.#primary(expression)
      : this.expression(expression);
    return `(${this.#gap()}${inner}${this.#gap()})`;
  }

  #isPlain(expression: Expression): expression is Exclude<Expression, { kind: Composite }> {
    return !['and', 'or', 'not'].includes(expression.kind);
  }

  #primary(expression: Exclude<Expression, { kind: Composite }>): string {
    const gap = this.#gap();
    const key = this.#key(expression.key);
    if (expression.kind === 'present') return `attributes${gap}:${gap}${key}`;
    const value = this.#string(expression.value);
    if (expression.kind === 'prefix') {
      return `hasPrefix${gap}(${gap}attributes.${key}${gap},${gap}${value})`;
    }
    const operator = expression.kind === 'equals' ? '=' : '!=';
    return `attributes${gap}.${gap}${key}${gap}${operator}${gap}${value}`;
  }

  #key(key: string): string {
    const isBare = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key);
    return isBare && this.#choose(0, 1) === 0 ? key : this.#string(key);
  }

  #string(text: string): string {
    return `"${Array.from(text)
      .map((character) => this.#character(character))
      .join('')}"`;
  }

  #character(character: string): string {
    const code = character.codePointAt(0)!;
    const hex = (digits: number): string => code.toString(16).padStart(digits, '0');
    const forms: string[] = [];
    if (character !== '"' && character !== '\\') forms.push(character, character, character);
    else forms.push(`\\${character}`);
    if (character === '\n') forms.push('\\n');
    if (character === '\t') forms.push('\\t');
    if (code <= 0xff) forms.push(`\\x${hex(2)}`, `\\${code.toString(8).padStart(3, '0')}`);
    if (code <= 0xffff) forms.push(`\\u${hex(4)}`);
    forms.push(`\\U${hex(8).toUpperCase()}`);
    return this.#choose(...forms);
  }

  #gap(): string {
    return this.#choose('', '', '', ' ', '\n', '\t ', '\r\n');
  }

  #choose<Choice>(...choices: Choice[]): Choice {
    const number: number = this.#choices.next().value ?? 0;
    return choices[number % choices.length]!;
  }
}

type Composite = 'and' | 'or' | 'not';
