import { describe, expect, test } from 'vitest';
import { incompatibility } from '../schema-compiler.ts';
import { parseAvro } from './avro-parser.ts';
import { unreadable } from './avro-resolution.ts';

type Field = Readonly<Record<string, unknown>>;

function record(...fields: readonly Field[]): object {
  return { type: 'record', name: 'R', fields };
}

function reads(reader: unknown, writer: unknown): boolean {
  const [one, other] = [reader, writer].map((each) => parseAvro(JSON.stringify(each)));
  return unreadable(one!, other!) === null;
}

const a = { name: 'a', type: 'int' };
const optional = { name: 'b', type: 'string', default: '' };
const required = { name: 'b', type: 'string' };
const symbols = (...names: string[]): object => ({ type: 'enum', name: 'E', symbols: names });
const decimal = (precision: number, scale: number): object => ({
  type: 'bytes',
  logicalType: 'decimal',
  precision,
  scale,
});
const list = (items: unknown): object => ({ type: 'array', items });
const map = (values: unknown): object => ({ type: 'map', values });
const fixed = (size: number): object => ({ type: 'fixed', name: 'F', size });
const field = (type: unknown): object => record({ name: 'a', type });

/** What `newer` and `older` read of each other; only where both do may one follow the other. */
const rules: readonly (readonly [
  what: string,
  newer: object,
  older: object,
  isBackward: boolean,
  isForward: boolean,
])[] = [
  ['nothing changed', record(a), record(a), true, true],
  ['a field with a default added', record(a, optional), record(a), true, true],
  ['a field with a default removed', record(a), record(a, optional), true, true],
  ['a field without a default added', record(a, required), record(a), false, true],
  ['a field without a default removed', record(a), record(a, required), true, false],
  ['fields in another order', record(a, required), record(required, a), true, true],
  ['a default added to a field', record(a, optional), record(a, required), true, true],
  [
    'a field renamed with an alias',
    record({ name: 'c', type: 'int', aliases: ['a'] }),
    record(a),
    true,
    false,
  ],
  ['another doc', { ...record(a), doc: 'new' }, record(a), true, true],
  ['int to long', field('long'), field('int'), true, false],
  ['int to double', field('double'), field('int'), true, false],
  ['long to float', field('float'), field('long'), true, false],
  ['float to double', field('double'), field('float'), true, false],
  ['double to int', field('int'), field('double'), false, true],
  ['string to bytes', field('bytes'), field('string'), true, true],
  ['string to int', field('int'), field('string'), false, false],
  ['boolean to int', field('int'), field('boolean'), false, false],
  ['a type made optional', field(['null', 'int']), field('int'), true, false],
  ['branches in another order', field(['int', 'null']), field(['null', 'int']), true, true],
  ['a branch added', field(['null', 'int', 'string']), field(['null', 'int']), true, false],
  ['items promoted', field(list('long')), field(list('int')), true, false],
  ['values of a map changed', field(map('string')), field(map('bytes')), true, true],
  ['an array to a map', field(map('int')), field(list('int')), false, false],
  ['a symbol added', field(symbols('A', 'B')), field(symbols('A')), true, false],
  [
    'a symbol added, with defaults',
    field({ ...symbols('A', 'B'), default: 'A' }),
    field({ ...symbols('A'), default: 'A' }),
    true,
    true,
  ],
  ['symbols in another order', field(symbols('B', 'A')), field(symbols('A', 'B')), true, true],
  ['a size of a fixed', field(fixed(2)), field(fixed(3)), false, false],
  ['a record renamed', { ...record(a), name: 'S' }, record(a), false, false],
  [
    'a record renamed with an alias',
    { ...record(a), name: 'S', aliases: ['R'] },
    record(a),
    true,
    false,
  ],
  ['another namespace', { ...record(a), namespace: 'n' }, record(a), true, true],
  ['the scale of a decimal', field(decimal(5, 2)), field(decimal(5, 3)), false, false],
  ['a decimal to bytes', field('bytes'), field(decimal(5, 3)), true, true],
];

describe('resolution', () => {
  test.each(rules)('%s', (_, newer, older, isBackward, isForward) => {
    expect(reads(newer, older)).toBe(isBackward);
    expect(reads(older, newer)).toBe(isForward);
    const reason = incompatibility(
      { type: 'AVRO', definition: JSON.stringify(newer) },
      { type: 'AVRO', definition: JSON.stringify(older) },
    );
    expect(reason === null).toBe(isBackward && isForward);
  });

  test('says which side cannot read what', () => {
    const definition = (type: object): { type: 'AVRO'; definition: string } => ({
      type: 'AVRO',
      definition: JSON.stringify(type),
    });
    expect(incompatibility(definition(record(a, required)), definition(record(a)))).toBe(
      "The new revision cannot read the previous one's data: R.b has no default and is missing in what was written.",
    );
    expect(incompatibility(definition(field('long')), definition(field('int')))).toBe(
      "The previous revision cannot read the new one's data: in R.a, int does not read long.",
    );
  });

  test('records within themselves are compared to their end', () => {
    const next = { name: 'next', type: ['null', 'R'] };
    expect(reads(record(a, next), record(a, next))).toBe(true);
    expect(reads(record({ ...a, type: 'string' }, next), record(a, next))).toBe(false);
  });

  test('what held only within a record that failed is not taken for readable', () => {
    const nested = (type: string): object => ({
      type: 'record',
      name: 'N',
      fields: [
        { name: 'r', type: ['null', 'R'] },
        { name: 'x', type },
      ],
    });
    const outer = (inner: unknown, type: string): object =>
      record({ name: 'n', type: inner }, { name: 'a', type });
    const union = (first: object): object => ({
      type: 'record',
      name: 'Top',
      fields: [
        { name: 'u', type: ['null', first, { type: 'record', name: 'other.R', fields: [] }] },
        { name: 'n', type: 'N' },
      ],
    });
    const reader = union(outer(nested('int'), 'string'));
    const writer = union(outer(nested('int'), 'int'));
    expect(reads(reader, writer)).toBe(false);
  });

  test('definitions that refer along a long chain are refused, not followed for ever', () => {
    const chain = Array.from({ length: 3000 }, (_, at) => ({
      type: 'record',
      name: `C${at}`,
      fields: at === 0 ? [] : [{ name: 'p', type: `C${at - 1}` }],
    }));
    const top = record({ name: 'u', type: chain }, { name: 'last', type: 'C2999' });
    expect(unreadable(parseAvro(JSON.stringify(top)), parseAvro(JSON.stringify(top)))).toBeNull();
    const reversed = record({ name: 'last', type: chain.toReversed() });
    expect(() => parseAvro(JSON.stringify(reversed))).toThrow(/no known type/);
  });
});
