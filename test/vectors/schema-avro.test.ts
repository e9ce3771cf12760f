import avro from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileSchema, incompatibility } from '../../src/schemas/index.ts';

/** A definition, and the values that it describes, unions wrapped as in Avro's JSON. */
interface Sample {
  readonly schema: unknown;
  readonly value: fc.Arbitrary<unknown>;
}

const leaves: readonly Sample[] = [
  { schema: 'null', value: fc.constant(null) },
  { schema: 'boolean', value: fc.boolean() },
  { schema: 'int', value: fc.integer() },
  { schema: 'long', value: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }) },
  { schema: 'float', value: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  { schema: 'double', value: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { schema: 'string', value: fc.string({ unit: 'binary' }) },
  { schema: 'bytes', value: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
];

/** Names differ by their number, so that no definition gives one twice. */
function sample(depth: number, name: () => string): fc.Arbitrary<Sample> {
  const leaf = fc.oneof(fc.constantFrom(...leaves), fixed(name), symbols(name));
  if (depth === 0) return leaf;
  const inner = fc.constant(null).chain(() => sample(depth - 1, name));
  return fc.oneof(
    leaf,
    inner.map(({ schema, value }) => ({
      schema: { type: 'array', items: schema },
      value: fc.array(value, { maxLength: 4 }),
    })),
    inner.map(({ schema, value }) => ({
      schema: { type: 'map', values: schema },
      value: fc.dictionary(fc.string({ minLength: 1 }), value, {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    })),
    fc.array(inner, { maxLength: 4 }).map((fields) => record(name(), fields)),
    inner.map((each) => union(each)),
  );
}

function fixed(name: () => string): fc.Arbitrary<Sample> {
  return fc.integer({ min: 1, max: 5 }).map((size) => ({
    schema: { type: 'fixed', name: name(), size },
    value: fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes)),
  }));
}

function symbols(name: () => string): fc.Arbitrary<Sample> {
  return fc.integer({ min: 1, max: 5 }).map((count) => {
    const all = Array.from({ length: count }, (_, at) => `S${at}`);
    return { schema: { type: 'enum', name: name(), symbols: all }, value: fc.constantFrom(...all) };
  });
}

function record(name: string, fields: readonly Sample[]): Sample {
  const value = fc.record(Object.fromEntries(fields.map((field, at) => [`f${at}`, field.value])), {
    noNullPrototype: true,
  });
  const shapes = fields.map(({ schema }, at) => ({ name: `f${at}`, type: schema }));
  return { schema: { type: 'record', name, fields: shapes }, value };
}

function union({ schema, value }: Sample): Sample {
  if (schema === 'null' || Array.isArray(schema)) return { schema, value };
  const shape = schema as { readonly type: string; readonly name?: string };
  const name = typeof schema === 'string' ? schema : (shape.name ?? shape.type);
  const wrapped = value.map((inner) => ({ [name]: inner }));
  return { schema: ['null', schema], value: fc.oneof(fc.constant(null), wrapped) };
}

const messages = fc
  .constant(null)
  .chain(() => {
    let names = 0;
    return sample(3, () => `N${names++}`).map((top) => record('Top', [top]));
  })
  .chain(({ schema, value }) => value.map((each) => ({ schema, value: each })));

function encoded(schema: unknown, value: unknown): { binary: Buffer; json: Buffer } {
  const type = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: true });
  return { binary: type.toBuffer(value), json: Buffer.from(type.toString(value)) };
}

test('what another implementation of Avro writes has no violation, in both encodings', () => {
  fc.assert(
    fc.property(messages, ({ schema, value }) => {
      const compiled = compileSchema({ type: 'AVRO', definition: JSON.stringify(schema) });
      const { binary, json } = encoded(schema, value);
      expect(compiled.violation(binary, 'BINARY')).toBeNull();
      expect(compiled.violation(json, 'JSON')).toBeNull();
    }),
    { numRuns: 400 },
  );
});

test('a binary message cut short or made longer has a violation', () => {
  fc.assert(
    fc.property(messages, fc.nat(), ({ schema, value }, at) => {
      const compiled = compileSchema({ type: 'AVRO', definition: JSON.stringify(schema) });
      const { binary } = encoded(schema, value);
      const longer = Buffer.concat([binary, Buffer.of(0)]);
      expect(compiled.violation(longer, 'BINARY')).toBe('Too much data to parse for schema.');
      if (binary.length === 0) return;
      const shorter = binary.subarray(0, at % binary.length);
      expect(compiled.violation(shorter, 'BINARY')).toEqual(expect.any(String));
    }),
    { numRuns: 300 },
  );
});

test('a message with a byte changed is judged like any other', () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.nat(255), ({ schema, value }, at, byte) => {
      const compiled = compileSchema({ type: 'AVRO', definition: JSON.stringify(schema) });
      const { binary, json } = encoded(schema, value);
      json[at % json.length] = byte;
      if (compiled.violation(json, 'JSON') === null) JSON.parse(json.toString());
      if (binary.length > 0) binary[at % binary.length] = byte;
      const verdict = compiled.violation(binary, 'BINARY');
      expect(verdict === null || verdict.length > 0).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test('any definition may follow itself', () => {
  fc.assert(
    fc.property(messages, ({ schema }) => {
      const definition = { type: 'AVRO', definition: JSON.stringify(schema) } as const;
      expect(incompatibility(definition, definition)).toBeNull();
    }),
    { numRuns: 200 },
  );
});
