import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { varintBytes, writeVarint } from '../wire/varint.ts';
import { sealableMessage } from '../wire/message-codec.ts';
import type { Expression } from './expression.ts';
import { compileFilter } from './filter.ts';
import { anyAttributes, anyExpression, print } from '../../../test/support/filter-samples.ts';

type Attributes = readonly (readonly [string, string])[];

function message(attributes: Attributes): Uint8Array {
  const parts = { data: Buffer.from('data'), attributes, orderingKey: 'key' };
  return sealableMessage(parts).bytes;
}

const matches = (filter: string, attributes: Attributes): boolean =>
  compileFilter(filter).matches(message(attributes));

/** What the reference says, over a map. */
function model(expression: Expression, attributes: ReadonlyMap<string, string>): boolean {
  switch (expression.kind) {
    case 'and':
      return expression.operands.every((operand) => model(operand, attributes));
    case 'or':
      return expression.operands.some((operand) => model(operand, attributes));
    case 'not':
      return !model(expression.operand, attributes);
    case 'present':
      return attributes.has(expression.key);
    case 'equals':
      return attributes.get(expression.key) === expression.value;
    case 'differs':
      return attributes.get(expression.key) !== expression.value;
    default:
      return attributes.get(expression.key)?.startsWith(expression.value) === true;
  }
}

/** Length-delimited fields, one after the other; written without the code under test's encoder. */
function fields(...parts: readonly (readonly [tag: number, bytes: Uint8Array])[]): Buffer {
  return Buffer.concat(
    parts.flatMap(([tag, bytes]) => {
      const head = Buffer.alloc(1 + varintBytes(bytes.length));
      head[0] = tag;
      writeVarint(head, 1, bytes.length);
      return [head, bytes];
    }),
  );
}

const entry = (key: string, value: string): Buffer =>
  fields([0x0a, Buffer.from(key)], [0x12, Buffer.from(value)]);

describe('a filter', () => {
  test('attributes:key is true of any value, the empty one too', () => {
    expect(matches('attributes:a', [['a', 'v']])).toBe(true);
    expect(matches('attributes:a', [['a', '']])).toBe(true);
    expect(matches('attributes:a', [['ab', 'v']])).toBe(false);
    expect(matches('attributes:a', [])).toBe(false);
  });

  test('attributes.key = "v" is false when absent', () => {
    expect(matches('attributes.a = "v"', [['a', 'v']])).toBe(true);
    expect(matches('attributes.a = "v"', [['a', 'V']])).toBe(false);
    expect(matches('attributes.a = "v"', [['a', 'va']])).toBe(false);
    expect(matches('attributes.a = ""', [['b', '']])).toBe(false);
  });

  test('attributes.key != "v" is true when the attribute is absent', () => {
    expect(matches('attributes.a != "v"', [['b', 'v']])).toBe(true);
    expect(matches('attributes.a != "v"', [['a', 'w']])).toBe(true);
    expect(matches('attributes.a != "v"', [['a', 'v']])).toBe(false);
    expect(matches('attributes:a AND attributes.a != "v"', [['b', 'v']])).toBe(false);
  });

  test('hasPrefix compares the beginning, and is false when absent', () => {
    expect(matches('hasPrefix(attributes.a, "va")', [['a', 'value']])).toBe(true);
    expect(matches('hasPrefix(attributes.a, "va")', [['a', 'v']])).toBe(false);
    expect(matches('hasPrefix(attributes.a, "")', [['a', '']])).toBe(true);
    expect(matches('hasPrefix(attributes.a, "")', [['b', '']])).toBe(false);
  });

  test('sees attributes alone: not data, not the ordering key', () => {
    expect(matches('attributes:data OR attributes:key', [['x', 'y']])).toBe(false);
  });

  test('of two entries with one key the last one counts', () => {
    const twice = fields([0x12, entry('a', 'first')], [0x12, entry('a', 'last')]);
    expect(compileFilter('attributes.a = "last"').matches(twice)).toBe(true);
    expect(compileFilter('attributes.a = "first"').matches(twice)).toBe(false);
  });

  test('reads entries in any order of their parts, and without a value', () => {
    const backward = fields([0x12, Buffer.from('v')], [0x0a, Buffer.from('a')]);
    const bare = fields([0x0a, Buffer.from('b')]);
    const bytes = fields([0x12, backward], [0x2a, Buffer.from('order')], [0x12, bare]);
    expect(compileFilter('attributes.a = "v" AND attributes.b = ""').matches(bytes)).toBe(true);
  });

  test('remembers nothing of the message before', () => {
    const filter = compileFilter('attributes:a');
    expect(filter.matches(message([['a', 'v']]))).toBe(true);
    expect(filter.matches(message([['b', 'v']]))).toBe(false);
  });

  test('agrees with an obvious model on every message', () => {
    fc.assert(
      fc.property(
        anyExpression,
        anyAttributes,
        fc.infiniteStream(fc.nat()),
        (expression, attributes, choices) => {
          const text = print(expression, choices);
          fc.pre(Buffer.byteLength(text) <= 256);
          const entries = attributes.map(([key, value]) => [0x12, entry(key, value)] as const);
          const bytes = fields([0x0a, Buffer.from('data')], ...entries);
          const expected = model(expression, new Map(attributes));
          expect(compileFilter(text).matches(bytes)).toBe(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
