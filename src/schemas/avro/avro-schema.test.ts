import { describe, expect, test } from 'vitest';
import { SchemaError } from '../schema.ts';
import { AvroSchema } from './avro-schema.ts';

function compiled(definition: unknown): AvroSchema {
  return AvroSchema.of(typeof definition === 'string' ? definition : JSON.stringify(definition));
}

function recordOf(...types: readonly unknown[]): object {
  const fields = types.map((type, at) => ({ name: `f${at}`, type }));
  return { type: 'record', name: 'R', fields };
}

function fieldWith(more: object): object {
  return { type: 'record', name: 'R', fields: [{ name: 'a', type: 'int', ...more }] };
}

const one = { type: 'enum', name: 'E', symbols: ['A', 'B'] };

describe('definitions', () => {
  const accepted: Readonly<Record<string, unknown>> = {
    'a primitive': '"string"',
    'a primitive as an object': { type: 'long' },
    'a record without fields': recordOf(),
    'names that built-in objects have': {
      type: 'record',
      name: 'constructor',
      fields: [
        { name: '__proto__', type: 'int' },
        { name: 'toString', type: ['null', 'constructor'] },
      ],
    },
    'a type used again within its namespace': {
      type: 'record',
      name: 'a.b.R',
      fields: [
        { name: 'x', type: { type: 'fixed', name: 'F', size: 2 } },
        { name: 'y', type: 'F' },
        { name: 'z', type: 'a.b.F' },
      ],
    },
    'a record within itself': recordOf({ type: 'array', items: 'R' }, ['null', 'R']),
    'an unknown logical type': { type: 'int', logicalType: 'mood' },
    'a decimal that does not fit, which is ignored': {
      type: 'bytes',
      logicalType: 'decimal',
      precision: 2,
      scale: 4,
    },
    'a default of each kind': {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: ['string', 'null'], default: '' },
        { name: 'b', type: { type: 'map', values: 'long' }, default: { k: 2 ** 62 } },
        { name: 'c', type: { type: 'array', items: 'float' }, default: [1.5] },
        { name: 'd', type: { ...recordOf('boolean'), name: 'S' }, default: { f0: true } },
        { name: 'e', type: one, default: 'B' },
        { name: 'f', type: { type: 'fixed', name: 'F', size: 1 }, default: '\u00ff' },
        { name: 'g', type: 'null', default: null },
      ],
    },
    'an order, aliases and a doc': fieldWith({ order: 'ignore', aliases: ['b'], doc: 'of it' }),
    'an enum with a default': { ...one, default: 'B' },
  };
  test.each(Object.entries(accepted))('%s is accepted', (_, definition) => {
    expect(() => compiled(definition)).not.toThrow();
  });

  const refused: Readonly<Record<string, readonly [definition: unknown, reason: RegExp]>> = {
    'what is not JSON': ['{', /not JSON/],
    'a union at the top': [['null', 'string'], /exactly one type/],
    'a number': ['7', /defines no type/],
    null: ['null', /defines no type/],
    'a type that is unknown': [recordOf('Nope'), /"Nope" is no known type/],
    'a name that is used before it is defined': [recordOf('E', one), /"E" is no known type/],
    'a record without fields': [{ type: 'record', name: 'R' }, /array of "fields"/],
    'an array without items': [{ type: 'array' }, /needs "items"/],
    'a map without values': [{ type: 'map' }, /needs "values"/],
    'a type within a type': [{ type: { type: 'int' } }, /"type" of a type/],
    'a name that is no name': [{ ...one, name: 'a-b' }, /no name of an Avro type/],
    'a name that would be code': [{ ...one, name: 'E;process.exit()//' }, /no name/],
    'a namespace that is no name': [{ ...one, namespace: 'a..b' }, /not a name/],
    'the name of a primitive': [{ ...one, name: 'string' }, /primitive/],
    'a name twice': [recordOf(one, one), /"E" is defined twice/],
    'a field twice': [
      { ...recordOf(), fields: ['int', 'int'].map((type) => ({ name: 'a', type })) },
      /two fields/,
    ],
    'a field without a type': [{ ...recordOf(), fields: [{ name: 'a' }] }, /needs a "type"/],
    'a field that is null': [{ ...recordOf(), fields: [null] }, /no proper name/],
    'an order that is none': [fieldWith({ order: 'random' }), /order/],
    'an alias of a field that is no name': [fieldWith({ aliases: ['1'] }), /aliases/],
    'an enum with a symbol twice': [{ ...one, symbols: ['A', 'A'] }, /symbol twice/],
    'an enum whose symbol is no name': [{ ...one, symbols: ['A B'] }, /array of names/],
    'an enum whose default is no symbol': [{ ...one, default: 'C' }, /none of its symbols/],
    'a fixed without a size': [{ type: 'fixed', name: 'F' }, /"size"/],
    'a fixed of a negative size': [{ type: 'fixed', name: 'F', size: -1 }, /"size"/],
    'a union within a union': [recordOf(['null', ['int']]), /cannot hold a union/],
    'a union of two arrays': [
      recordOf([
        { type: 'array', items: 'int' },
        { type: 'array', items: 'long' },
      ]),
      /"array" twice/,
    ],
    'a default of another type': [fieldWith({ default: 'x' }), /is no "int"/],
    'a default beyond its type': [fieldWith({ default: 2 ** 31 }), /is no "int"/],
    'a default of the second branch': [
      fieldWith({ type: ['null', 'int'], default: 1 }),
      /is no "null"/,
    ],
    'null as the default of a string': [fieldWith({ type: 'string', default: null }), /"string"/],
    'a default of bytes beyond bytes': [fieldWith({ type: 'bytes', default: '\u0100' }), /"bytes"/],
    'a default with a field too many': [
      fieldWith({ type: { ...recordOf(), name: 'S' }, default: { constructor: 1 } }),
      /is no "S"/,
    ],
    'types nested beyond measure': [
      `${'{"type":"array","items":'.repeat(5000)}"int"${'}'.repeat(5000)}`,
      /more than 256 deep/,
    ],
    'defaults nested beyond measure': [
      `{"type":"record","name":"R","fields":[{"name":"c","type":{"type":"array","items":"R"},"default":${'[{"c":'.repeat(9000)}[]${'}]'.repeat(9000)}}]}`,
      /default/,
    ],
    'an array that never ends': ['['.repeat(200_000), /not JSON/],
  };
  test.each(Object.entries(refused))('%s is refused', (_, [definition, reason]) => {
    expect(() => compiled(definition)).toThrow(SchemaError);
    expect(() => compiled(definition)).toThrow(reason);
  });

  test('nothing of a definition is evaluated or reaches a prototype', () => {
    const schema = compiled(
      '{"type":"record","name":"R","__proto__":{"polluted":1},"fields":[{"name":"__proto__","type":"int"}]}',
    );
    expect(schema.violation(Buffer.from('{"__proto__":1}'), 'JSON')).toBeNull();
    expect('polluted' in {}).toBe(false);
  });
});

describe('messages in JSON', () => {
  const schema = compiled({
    type: 'record',
    name: 'a.R',
    fields: [
      { name: 'i', type: 'int', default: 0 },
      { name: 'l', type: 'long' },
      { name: 'd', type: 'double' },
      { name: 'f', type: 'float' },
      { name: 'b', type: 'boolean' },
      { name: 's', type: 'string' },
      { name: 'y', type: 'bytes' },
      { name: 'x', type: { type: 'fixed', name: 'F', size: 2 } },
      { name: 'e', type: { ...one, name: 'E' } },
      { name: 'u', type: ['null', 'string', 'E', 'R'] },
      { name: 'm', type: { type: 'map', values: 'int' } },
      { name: 'a', type: { type: 'array', items: 'int' } },
      { name: 'n', type: 'null' },
    ],
  });
  const good = {
    i: '1',
    l: '9223372036854775807',
    d: '1.5e3',
    f: '1',
    b: 'true',
    s: '"\\u00e9\\n"',
    y: '"\u00ff\\u0000"',
    x: '"ab"',
    e: '"A"',
    u: 'null',
    m: '{ "k" : 1, "__proto__": 2 }',
    a: '[1, 2]',
    n: 'null',
  };
  const text = (values: Readonly<Record<string, string>>): string =>
    `{${Object.entries(values)
      .map(([name, value]) => `"${name}":${value}`)
      .join(',')}}`;
  const verdict = (message: string): string | null =>
    schema.violation(Buffer.from(message), 'JSON');

  test('what conforms has no violation, in any order of its fields', () => {
    expect(verdict(text(good))).toBeNull();
    expect(verdict(` ${text(Object.fromEntries(Object.entries(good).toReversed()))}\n`)).toBeNull();
  });

  test.each(['{"string":"x"}', '{"a.E":"B"}', `{"a.R":${text(good)}}`])(
    'a union takes %s',
    (value) => {
      expect(verdict(text({ ...good, u: value }))).toBeNull();
    },
  );

  test.each<readonly [field: keyof typeof good, value: string, reason: RegExp]>([
    [
      'i',
      '"1"',
      /^i: JSON object with type string does not match schema which expected number_int/,
    ],
    ['i', '1.0', /type number_float does not match schema which expected number_integer/],
    ['i', '1e3', /number_float/],
    ['i', '2147483648', /out of the range of int/],
    ['i', '01', /not JSON/],
    ['i', '+1', /not JSON/],
    ['i', 'null', /type null/],
    ['l', '9223372036854775808', /out of the range of long/],
    ['l', '-9223372036854775809', /out of the range of long/],
    ['l', '1'.repeat(5000), /out of the range of long/],
    ['d', 'NaN', /not JSON/],
    ['d', '"NaN"', /expected number_float/],
    ['d', '1e999', /out of the range of double/],
    ['f', '1e39', /out of the range of float/],
    ['b', '1', /expected boolean/],
    ['b', 'tru', /not JSON/],
    ['s', '"\\ud800"', /surrogate/],
    ['s', '"\t"', /not JSON/],
    ['s', '"\\x41"', /not JSON/],
    ['y', '"\u0100"', /above U\+00FF/],
    ['x', '"abc"', /2 bytes, not 3/],
    ['e', '"C"', /no symbol/],
    ['u', '"x"', /expected object/],
    ['u', '{}', /names no branch/],
    ['u', '{"null":null}', /names no branch/],
    ['u', '{"int":1}', /names no branch of the union of null, string, a.E, a.R/],
    ['u', '{"E":"A"}', /names no branch/],
    ['u', '{"string":"x","a.E":"A"}', /names no branch/],
    ['m', '{"k":1,"k":1}', /twice/],
    ['m', '{"k":"1"}', /type string/],
    ['a', '[1,]', /not JSON/],
    ['a', '{}', /expected array/],
    ['n', '0', /expected null/],
  ])('of %s, %s is a violation', (field, value, reason) => {
    expect(verdict(text({ ...good, [field]: value }))).toMatch(reason);
  });

  test('a verdict names the field of the schema, and quotes no key of a map', () => {
    const inner = { type: 'record', name: 'Inner', fields: [{ name: 'price', type: 'int' }] };
    const outer = {
      name: 'orders',
      type: { type: 'map', values: { type: 'array', items: inner } },
    };
    const schema = compiled({ type: 'record', name: 'Outer', fields: [outer] });
    const message = Buffer.from('{"orders":{"secret":[{"price":"x"}]}}');
    expect(schema.violation(message, 'JSON')).toBe(
      'orders.price: JSON object with type string does not match schema which expected number_integer',
    );
  });

  test('the fields of a verdict are bounded', () => {
    let type: unknown = 'int';
    let message = '"x"';
    for (let depth = 0; depth < 60; depth++) {
      type = { type: 'record', name: `R${depth}`, fields: [{ name: 'a_field', type }] };
      message = `{"a_field":${message}}`;
    }
    const verdict = compiled(type).violation(Buffer.from(message), 'JSON');
    expect(verdict).toMatch(/^….*a_field\.a_field: JSON object/);
    expect(verdict!.length).toBeLessThan(250);
  });

  test('a missing field is a violation, with or without a default', () => {
    const { i: _, ...rest } = good;
    expect(verdict(text(rest))).toBe('a.R lacks its field "i".');
  });

  test('a field too many, a field twice and what follows are violations', () => {
    expect(verdict(text({ ...good, zz: '1' }))).toBe('a.R has no field "zz".');
    expect(verdict(text(good).replace('"i":1', '"i":1,"i":1'))).toBe('a.R has "i" twice.');
    expect(verdict(`${text(good)} 1`)).toMatch(/not JSON/);
    expect(verdict('')).toBe('The message is not JSON: it ends too early.');
  });

  test('bytes that are not UTF-8 are a violation', () => {
    expect(schema.violation(Uint8Array.of(0x22, 0xc3, 0x28, 0x22), 'JSON')).toMatch(/UTF-8/);
  });

  test('depth is bounded', () => {
    const list = compiled(recordOf(['null', 'R']));
    const nested = (levels: number): Buffer =>
      Buffer.from(`${'{"f0":{"R":'.repeat(levels)}{"f0":null}${'}}'.repeat(levels)}`);
    expect(list.violation(nested(100), 'JSON')).toBeNull();
    expect(list.violation(nested(100_000), 'JSON')).toMatch(/nested more than 256 deep/);
  });

  test('a verdict quotes little of a message', () => {
    const long = verdict(text({ ...good, e: `"${'C'.repeat(100_000)}"` }));
    expect(long?.length).toBeLessThan(400);
  });
});

describe('messages in binary', () => {
  const hex = (type: unknown, data: string): string | null =>
    compiled(recordOf(type)).violation(Buffer.from(data.replaceAll(' ', ''), 'hex'), 'BINARY');
  const items = { type: 'array', items: 'int' };
  const nulls = { type: 'array', items: 'null' };

  test.each<readonly [type: unknown, data: string]>([
    ['null', ''],
    ['boolean', '01'],
    ['int', 'ffffffff0f'],
    ['long', 'ffffffffffffffffff01'],
    ['string', '04c3a9'],
    ['bytes', '02c3'],
    ['double', '0000000000000000'],
    [{ type: 'fixed', name: 'F', size: 3 }, '010203'],
    [one, '02'],
    [['null', 'int'], '00'],
    [['null', 'int'], '0206'],
    [items, '00'],
    [items, '0402040206 00'],
    [items, '03 04 0206 00'],
    [{ type: 'map', values: 'int' }, '02 0261 06 00'],
    [nulls, '80897a 00'],
  ])('%j takes %s', (type, data) => {
    expect(hex(type, data)).toBeNull();
  });

  test.each<readonly [type: unknown, data: string, reason: RegExp]>([
    ['null', '00', /^Too much data to parse for schema\.$/],
    ['boolean', '02', /boolean/],
    ['boolean', '', /Not enough data/],
    ['int', 'ffffffff1f', /more than 32 bits/],
    ['int', 'ffffffffff01', /more than 32 bits/],
    ['long', 'ffffffffffffffffff02', /more than 64 bits/],
    ['long', '80'.repeat(20), /more than 64 bits/],
    ['long', '80', /Not enough data/],
    ['string', '04c328', /not UTF-8/],
    ['string', '04c3', /Not enough data/],
    ['string', '01', /negative/],
    ['bytes', 'feffffffffffffffff01', /Not enough data/],
    ['float', '000000', /Not enough data/],
    [one, '04', /index 2 is out of the range of E/],
    [one, '01', /index -1/],
    [['null', 'int'], '04', /index 2/],
    [['null', 'int'], 'ffffffffffffffffff01', /out of the range of a union/],
    [items, '02', /more items than the message/],
    [items, 'feffffffffffffffff01', /more items than the message/],
    [items, 'ffffffffffffffffff01', /Not enough data/],
    [items, '03 06 0206 0000', /not as long as it says/],
    [items, '03 01 0206 00', /negative/],
    [nulls, 'feffffffffffffffff0100', /more items/],
  ])('%j refuses %s', (type, data, reason) => {
    expect(hex(type, data)).toMatch(reason);
  });

  test('records that take no byte are not visited one by one', () => {
    let type: unknown = 'null';
    for (let level = 0; level < 12; level++) {
      type = {
        type: 'record',
        name: `R${level}`,
        fields: Array.from({ length: 20 }, (_, at) => ({
          name: `f${at}`,
          type: at === 0 ? type : level === 0 ? 'null' : `R${level - 1}`,
        })),
      };
    }
    const schema = compiled({ type: 'array', items: type });
    expect(schema.violation(Buffer.from('80897a00', 'hex'), 'BINARY')).toBeNull();
  });

  test('a record that never ends is refused', () => {
    expect(hex('R', '')).toMatch(/nested more than 256 deep/);
    expect(hex({ type: 'array', items: 'R' }, '02'.repeat(100_000))).toMatch(/nested more/);
  });
});
