import type { Json, JsonObject } from '../../src/declarative/index.ts';

type Check = (wanted: Json, value: Json, schema: JsonObject, root: JsonObject) => boolean;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

const ignored: Check = () => true;

/** Those of draft 2020-12 that the document's schema has; any other is an error of the test. */
const keywords: Readonly<Record<string, Check>> = {
  $schema: ignored,
  $defs: ignored,
  title: ignored,
  description: ignored,
  default: ignored,
  // Checked together with `additionalProperties`.
  properties: ignored,
  patternProperties: ignored,
  $ref: (wanted, value, _, root) => {
    const definition = (root['$defs'] as JsonObject)[(wanted as string).replace('#/$defs/', '')];
    return fits(value, definition!, root);
  },
  type: (wanted, value) => [wanted].flat().includes(typeOf(value)),
  enum: (wanted, value) => (wanted as Json[]).includes(value),
  pattern: (wanted, value) =>
    typeof value !== 'string' || new RegExp(wanted as string, 'u').test(value),
  maxLength: (wanted, value) => typeof value !== 'string' || [...value].length <= Number(wanted),
  minimum: (wanted, value) => typeof value !== 'number' || value >= Number(wanted),
  maximum: (wanted, value) => typeof value !== 'number' || value <= Number(wanted),
  minItems: (wanted, value) => !Array.isArray(value) || value.length >= Number(wanted),
  maxItems: (wanted, value) => !Array.isArray(value) || value.length <= Number(wanted),
  maxProperties: (wanted, value) => !isObject(value) || Object.keys(value).length <= Number(wanted),
  items: (wanted, value, _, root) =>
    !Array.isArray(value) || value.every((item) => fits(item, wanted, root)),
  required: (wanted, value) =>
    !isObject(value) || (wanted as string[]).every((name) => Object.hasOwn(value, name)),
  propertyNames: (wanted, value, _, root) =>
    !isObject(value) || Object.keys(value).every((name) => fits(name, wanted, root)),
  allOf: (wanted, value, _, root) => (wanted as Json[]).every((each) => fits(value, each, root)),
  oneOf: (wanted, value, _, root) =>
    (wanted as Json[]).filter((each) => fits(value, each, root)).length === 1,
  not: (wanted, value, _, root) => !fits(value, wanted, root),
  additionalProperties: (wanted, value, schema, root) =>
    !isObject(value) ||
    Object.entries(value).every(([name, child]) => {
      const known = (schema['properties'] as JsonObject | undefined)?.[name];
      if (known !== undefined) return fits(child, known, root);
      const patterns = Object.entries((schema['patternProperties'] ?? {}) as JsonObject);
      const pattern = patterns.find(([source]) => new RegExp(source, 'u').test(name));
      return fits(child, pattern?.[1] ?? wanted, root);
    }),
};

/** Whether a value is what a JSON Schema describes. */
export function fits(value: Json, schema: Json, root: JsonObject = schema as JsonObject): boolean {
  if (typeof schema === 'boolean') return schema;
  return Object.entries(schema as JsonObject).every(([keyword, wanted]) => {
    const check = keywords[keyword];
    if (check === undefined) throw new Error(`the keyword ${keyword} is not known`);
    return check(wanted, value, schema as JsonObject, root);
  });
}
