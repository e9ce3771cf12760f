import { expect, test } from 'vitest';
import { compileSchema, incompatibility } from './schema-compiler.ts';
import { SchemaError, type SchemaDefinition } from './schema.ts';

const avro = (type: unknown): SchemaDefinition => ({
  type: 'AVRO',
  definition: JSON.stringify(type),
});
const proto = (members: string): SchemaDefinition => ({
  type: 'PROTOCOL_BUFFER',
  definition: `syntax = "proto3"; message M { ${members} }`,
});
const compiled = { rootMessage: 'M', bytes: new Uint8Array() };

test.each<readonly [what: string, definition: SchemaDefinition, reason: RegExp]>([
  ['beyond measure', avro(`int${' '.repeat(2 ** 20)}`), /at most 1048576 bytes/],
  ['empty', { type: 'AVRO', definition: '' }, /not JSON/],
  ['of Avro and compiled', { type: 'AVRO', definition: '', compiled }, /Only Protocol Buffer/],
  ['both text and compiled', { ...proto(''), compiled }, /not both/],
])('a definition %s is refused', (_, definition, reason) => {
  expect(() => compileSchema(definition)).toThrow(SchemaError);
  expect(() => compileSchema(definition)).toThrow(reason);
});

test('a schema never changes its type', () => {
  expect(incompatibility(avro('int'), proto(''))).toBe('The type of a schema cannot be changed.');
});

test('what is no definition has no compatibility', () => {
  expect(() => incompatibility(avro('nope'), avro('int'))).toThrow(SchemaError);
  expect(() => incompatibility(proto(''), proto('?'))).toThrow(SchemaError);
});

/** Each made one comparison, or none at all, take minutes where every use is compared anew. */
const names = Array.from({ length: 2500 }, (_, at) => `V${at}`);
test.each<readonly [what: string, definition: SchemaDefinition]>([
  [
    'an enum of Avro in thousands of fields',
    avro({
      type: 'record',
      name: 'R',
      fields: Array.from({ length: 5000 }, (_, at) => ({
        name: `f${at}`,
        type: at === 0 ? { type: 'enum', name: 'E', symbols: names } : 'E',
      })),
    }),
  ],
  [
    'an enum of Protocol Buffers in thousands of fields',
    proto(
      `enum E { ${names.map((name, at) => `${name} = ${at};`).join('')} } ` +
        names.map((name, at) => `E f_${name} = ${at + 20_000};`).join(''),
    ),
  ],
])('%s is compared once', (_, definition) => {
  expect(incompatibility(definition, definition)).toBeNull();
});
