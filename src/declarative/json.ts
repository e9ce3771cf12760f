/** JSON as it is read and sent. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

export interface JsonObject {
  [name: string]: Json;
}

/** An object without a prototype, so that a name such as `__proto__` is a name like any other. */
export function newObject(entries: Iterable<readonly [string, Json]> = []): JsonObject {
  const made = Object.create(null) as JsonObject;
  for (const [name, value] of entries) made[name] = value;
  return made;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at a name; an empty one if there is none. */
export function objectIn(json: JsonObject, name: string): JsonObject {
  const value = json[name];
  return isObject(value) ? value : newObject();
}

/** The list at a name; an empty one if there is none. */
export function listIn(json: JsonObject, name: string): Json[] {
  const value = json[name];
  return Array.isArray(value) ? value : [];
}

/** A value that is text; empty if it is something else. */
export const asText = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** The texts of the list at a name. */
export function textsIn(json: JsonObject, name: string): string[] {
  return listIn(json, name).map(asText);
}

/** The text at a name; empty if there is none. */
export function textIn(json: JsonObject, name: string): string {
  return asText(json[name]);
}

/** The same for values that are alike, whatever the order of their names. */
export function canonicalText(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? '';
  const entries = Object.keys(value)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonicalText(value[name])}`);
  return `{${entries.join(',')}}`;
}
