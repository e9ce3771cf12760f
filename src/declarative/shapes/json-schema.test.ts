import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { fits } from '../../../test/support/json-schema-check.ts';
import { readDocument } from '../document/document-reader.ts';
import { documentShape } from './document-shape.ts';
import type { Json, JsonObject } from '../json.ts';
import { jsonSchema } from './json-schema.ts';
import type { ObjectShape, Shape } from './shape.ts';
import { yamlSource } from '../document/yaml-source.ts';

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');
const textOf = (file: string): string => readFileSync(join(docs, file), 'utf8');
const schema = jsonSchema();
const isReadable = (text: string): boolean =>
  readDocument(yamlSource(text), documentShape).problems.length === 0;
const example = parse(textOf('examples/sealpost.yaml')) as JsonObject;

test('the schema in docs is the one of the reader', () => {
  expect(JSON.parse(textOf('sealpost.schema.json'))).toEqual(schema);
});

/** Every field of the reader, under the title of its object. */
function fieldsOf(shape: Shape, found: Map<string, ObjectShape>): Map<string, ObjectShape> {
  if (shape.kind === 'list' || shape.kind === 'map') fieldsOf(shape.of, found);
  if (shape.kind !== 'object') return found;
  found.set(shape.title, shape);
  for (const field of Object.values(shape.fields)) fieldsOf(field.shape, found);
  return found;
}

test('every field that is read is in the schema with a description, and no other', () => {
  const shapes = fieldsOf(documentShape, new Map());
  const definitions = schema['$defs'] as Record<string, JsonObject>;
  expect(Object.keys(definitions).toSorted()).toEqual(
    [...shapes.keys()].filter((title) => title !== 'document').toSorted(),
  );
  for (const [title, shape] of shapes) {
    const described = title === 'document' ? schema : definitions[title]!;
    const properties = described['properties'] as Record<string, JsonObject>;
    expect(Object.keys(properties)).toEqual(Object.keys(shape.fields));
    for (const property of Object.values(properties)) {
      expect(property['description']).toMatch(/^[A-Z].*\.$/);
    }
  }
});

describe('schema and reader', () => {
  test('take the example', () => {
    expect(isReadable(textOf('examples/sealpost.yaml'))).toBe(true);
    expect(fits(example, schema)).toBe(true);
  });

  test.each([
    ['an unknown field', 'projects: {cafe: {topics: {orders: {retention: 600s}}}}'],
    ['an id that is none', 'projects: {cafe: {topics: {"a b": {}}}}'],
    ['a subscription without a topic', 'projects: {cafe: {subscriptions: {kitchen: {}}}}'],
    ['a subscription that is left empty', 'projects: {cafe: {subscriptions: {kitchen: }}}'],
    [
      'a duration without a unit',
      'projects: {cafe: {topics: {orders: {messageRetentionDuration: 600}}}}',
    ],
    [
      'a number out of range',
      'projects: {cafe: {subscriptions: {abc: {topic: abc, ackDeadlineSeconds: 9}}}}',
    ],
    ['a text that is a number', 'projects: {cafe: {topics: {orders: {labels: {a: 1}}}}}'],
    [
      'two of what excludes each other',
      'projects: {cafe: {schemas: {abc: {type: AVRO, definition: a, definitionFile: b}}}}',
    ],
    ['neither of two of which one must be', 'projects: {cafe: {schemas: {abc: {type: AVRO}}}}'],
    [
      'both of two that may be alone',
      'projects: {cafe: {subscriptions: {abc: {topic: abc, pushConfig: {pushEndpoint: "http://a/", noWrapper: {}, pubsubWrapper: {}}}}}}',
    ],
    [
      'a member that is none',
      'projects: {cafe: {iam: {bindings: [{role: roles/a, members: [eve]}]}}}',
    ],
    [
      'a role that is none',
      'projects: {cafe: {iam: {bindings: [{role: publisher, members: [allUsers]}]}}}',
    ],
    ['a list in place of a mapping', 'projects: [cafe]'],
    ['a choice that is none', 'projects: {cafe: {schemas: {abc: {type: XML, definition: a}}}}'],
  ])('refuse %s', (_, text) => {
    expect(isReadable(text)).toBe(false);
    expect(fits(parse(text) as Json, schema)).toBe(false);
  });

  test('what the schema refuses, the reader refuses: any change of the example', () => {
    const paths = pathsOf(example, []);
    const change = fc.record({
      path: fc.constantFrom(...paths),
      value: fc.oneof(
        fc.constant(undefined),
        fc.constantFrom<Json>(null, true, 0, 10, '', '5s', '600s', 'abc', 'JSON', [], {}, [
          'allUsers',
        ]),
        fc.string(),
      ),
    });
    fc.assert(
      fc.property(change, ({ path, value }) => {
        const changed = structuredClone(example);
        put(changed, path, value);
        if (!fits(changed, schema)) expect(isReadable(stringify(changed))).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});

function pathsOf(value: Json, above: readonly string[]): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [above];
  const below = Object.entries(value).flatMap(([name, child]) => pathsOf(child, [...above, name]));
  return above.length === 0 ? below : [above, ...below];
}

/** Undefined takes the value away. */
function put(root: JsonObject, path: readonly string[], value: Json | undefined): void {
  let at = root;
  for (const name of path.slice(0, -1)) at = at[name] as JsonObject;
  const last = path.at(-1)!;
  if (value !== undefined) at[last] = value;
  else if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete at[last];
}
