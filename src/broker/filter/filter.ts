import { AttributeValues } from './attribute-values.ts';
import type { Expression } from './expression.ts';
import { parseFilter } from './filter-parser.ts';

/** True if the attributes that were read last satisfy it. */
type Test = () => boolean;

/** A subscription's filter, ready to be asked. Not to be shared by two askers at once. */
export interface Filter {
  /** `bytes`: PubsubMessage fields 1, 2 and 5 in protobuf wire form. */
  matches(bytes: Uint8Array): boolean;
}

/** Throws INVALID_ARGUMENT as `checkFilter` does. */
export function compileFilter(text: string): Filter {
  const values = new AttributeValues();
  const test = compileTest(text, values);
  return {
    matches: (bytes) => {
      values.read(bytes);
      return test();
    },
  };
}

/** A filter that asks `values`, which many may share: whoever runs it reads a message first. */
export function compileTest(text: string, values: AttributeValues): Test {
  return testOf(parseFilter(text), values);
}

function testOf(expression: Expression, values: AttributeValues): Test {
  switch (expression.kind) {
    case 'not': {
      const test = testOf(expression.operand, values);
      return () => !test();
    }
    case 'and':
      return firstOf(false, expression.operands, values);
    case 'or':
      return firstOf(true, expression.operands, values);
    default:
      return attributeTest(expression, values);
  }
}

/** The first operand with the decisive outcome ends it. */
function firstOf(
  decisive: boolean,
  operands: readonly Expression[],
  values: AttributeValues,
): Test {
  const tests = operands.map((operand) => testOf(operand, values));
  return () => {
    for (const test of tests) if (test() === decisive) return decisive;
    return !decisive;
  };
}

type AttributeExpression = Exclude<Expression, { kind: 'and' | 'or' | 'not' }>;

function attributeTest(expression: AttributeExpression, values: AttributeValues): Test {
  const index = values.add(expression.key);
  if (expression.kind === 'present') return () => values.isPresent(index);
  const value = Buffer.from(expression.value);
  if (expression.kind === 'equals') return () => values.equals(index, value);
  if (expression.kind === 'differs') return () => !values.equals(index, value);
  return () => values.startsWith(index, value);
}
