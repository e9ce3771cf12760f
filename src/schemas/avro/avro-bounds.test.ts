import { expect, test } from 'vitest';
import { SchemaError } from '../schema.ts';
import { AvroSchema } from './avro-schema.ts';

/** Each takes minutes where a byte, or an item, is worth a visit of every field. */
const compiled = (definition: object): AvroSchema => AvroSchema.of(JSON.stringify(definition));

/** So many records, each of one byte: a boolean that is false. */
function recordsOfOneByte(count: number): Uint8Array {
  const parts = [];
  for (let rest = count * 2; rest > 0; rest = Math.floor(rest / 128)) {
    parts.push((rest % 128) | (rest >= 128 ? 128 : 0));
  }
  return Buffer.concat([Buffer.from(parts), Buffer.alloc(count + 1)]);
}

test('fields that take no byte are not visited for each record that does', () => {
  const nulls = Array.from({ length: 8_000 }, (_, at) => ({ name: `f${at}`, type: 'null' }));
  const record = { type: 'record', name: 'R', fields: [...nulls, { name: 'b', type: 'boolean' }] };
  const schema = compiled({ type: 'array', items: record });
  expect(schema.violation(recordsOfOneByte(1_000_000), 'BINARY')).toBeNull();
  expect(schema.violation(recordsOfOneByte(1_000_000).subarray(0, -1), 'BINARY')).not.toBeNull();
});

test('records around a single field cost a message nothing', () => {
  let around: object = { type: 'record', name: 'R', fields: [{ name: 'b', type: 'boolean' }] };
  for (let depth = 0; depth < 250; depth++) {
    around = { type: 'record', name: `R${depth}`, fields: [{ name: 'f', type: around }] };
  }
  const schema = compiled({ type: 'array', items: around });
  expect(schema.violation(recordsOfOneByte(3_000_000), 'BINARY')).toBeNull();
});

test('a record that holds nothing but itself has no values', () => {
  const field = { name: 'r', type: 'R' };
  const schema = compiled({ type: 'record', name: 'R', fields: [field] });
  expect(schema.violation(new Uint8Array(0), 'BINARY')).toMatch(/nested/);
});

test('a name that is a pile of arrays is no name', () => {
  const pile = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const definition = `{"type":"fixed","size":1,"name":${pile}}`;
  expect(() => AvroSchema.of(definition)).toThrow(SchemaError);
});

test('a default is compared with what it says, not with all that it may leave out', () => {
  const fields = Array.from({ length: 10_000 }, (_, at) => ({
    name: `f${at}`,
    type: 'int',
    default: 0,
  }));
  const items = { type: 'record', name: 'R', fields };
  const value = Array.from({ length: 120_000 }, () => ({}));
  const list = { name: 'l', type: { type: 'array', items }, default: value };
  expect(() => compiled({ type: 'record', name: 'T', fields: [list] })).not.toThrow();
  const needed = { type: 'record', name: 'N', fields: [{ name: 'n', type: 'int' }] };
  const lacking = { name: 'l', type: { type: 'array', items: needed }, default: [{}] };
  expect(() => compiled({ type: 'record', name: 'T', fields: [lacking] })).toThrow(/no "array"/);
});
