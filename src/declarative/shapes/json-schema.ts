import { newObject, type Json, type JsonObject } from '../json.ts';
import { documentShape } from './document-shape.ts';
import { namePatterns } from './scalar-rules.ts';
import {
  durationSource,
  type Field,
  type MapShape,
  type ObjectShape,
  type ScalarShape,
  type Shape,
  type TextShape,
} from './shape.ts';

/** The document's JSON Schema (draft 2020-12), for editors and for checks before a commit. */
export function jsonSchema(): JsonObject {
  const definitions = newObject();
  const root = objectSchema(documentShape, definitions);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Resources of a Sealpost server',
    ...root,
    $defs: definitions,
  };
}

function schemaOf(shape: Shape, definitions: JsonObject): JsonObject {
  if (shape.kind === 'object') return reference(shape, definitions);
  if (shape.kind === 'map') return mapSchema(shape, definitions);
  if (shape.kind !== 'list') return scalarSchema(shape);
  return {
    type: 'array',
    items: schemaOf(shape.of, definitions),
    ...(shape.min !== undefined && { minItems: shape.min }),
    maxItems: shape.max,
  };
}

function scalarSchema(shape: ScalarShape): JsonObject {
  if (shape.kind === 'text') return textSchema(shape);
  if (shape.kind === 'switch') return { type: 'boolean' };
  if (shape.kind === 'duration') return { type: 'string', pattern: durationSource };
  if (shape.kind === 'name') return { type: 'string', pattern: namePatterns[shape.of].source };
  return { type: 'integer', minimum: shape.min, maximum: shape.max };
}

function textSchema({ pattern, choices, bytesMax }: TextShape): JsonObject {
  return {
    type: 'string',
    ...(choices && { enum: [...choices] }),
    ...(pattern && { pattern: pattern.source }),
    // Characters, where the server counts bytes: never stricter than it is.
    ...(bytesMax !== undefined && { maxLength: bytesMax }),
  };
}

function mapSchema({ keys, of, max }: MapShape, definitions: JsonObject): JsonObject {
  return {
    type: ['object', 'null'],
    propertyNames: { pattern: keys.source },
    additionalProperties: schemaOf(of, definitions),
    maxProperties: max,
  };
}

function reference(shape: ObjectShape, definitions: JsonObject): JsonObject {
  const { title } = shape;
  if (!Object.hasOwn(definitions, title)) {
    definitions[title] = newObject();
    definitions[title] = objectSchema(shape, definitions);
  }
  return { $ref: `#/$defs/${title}` };
}

function objectSchema(shape: ObjectShape, definitions: JsonObject): JsonObject {
  const fields = Object.entries(shape.fields);
  const required = fields.filter(([, { isRequired }]) => isRequired === true);
  const groups = [
    ...(shape.exactlyOne ?? []).map((group): Json => ({ oneOf: group.map(having) })),
    ...(shape.atMostOne ?? []).map((group): Json => ({ not: { required: [...group] } })),
  ];
  // What must have something in it cannot be left empty.
  const mayBeEmpty = required.length === 0 && shape.exactlyOne === undefined;
  return {
    type: mayBeEmpty ? ['object', 'null'] : 'object',
    properties: newObject(
      fields.map(([name, field]) => [name, fieldSchema(field, definitions)] as const),
    ),
    ...(required.length > 0 && { required: required.map(([name]) => name) }),
    ...(groups.length > 0 && { allOf: groups }),
    ...(shape.hasExtensions && { patternProperties: { '^x-': true } }),
    additionalProperties: false,
  };
}

const having = (name: string): JsonObject => ({ required: [name] });

function fieldSchema(field: Field, definitions: JsonObject): JsonObject {
  const { shape, doc, default: byDefault, isFixed } = field;
  return {
    ...schemaOf(shape, definitions),
    description: isFixed === true ? `${doc} Cannot be changed later.` : doc,
    ...(byDefault !== undefined && { default: byDefault }),
  };
}
