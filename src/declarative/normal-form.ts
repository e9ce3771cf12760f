import { asText, canonicalText, isObject, newObject, type Json, type JsonObject } from './json.ts';
import type { Path } from './document/problem.ts';
import {
  secondsOf,
  durationText,
  type Field,
  type ObjectShape,
  type Shape,
} from './shapes/shape.ts';

/** One field that differs; `from` and `to` are in normal form, undefined where there is none. */
export interface Change {
  readonly path: Path;
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

/**
 * What an object says, written in one way: defaults filled in; what is empty, unknown to the shape
 * or never compared left out.
 */
export function normalObject(given: JsonObject, shape: ObjectShape): JsonObject {
  const normal = newObject();
  for (const [name, field] of Object.entries(shape.fields)) {
    if (!isCompared(field)) continue;
    const value = normalValue(given[name] ?? field.default, field.shape);
    if (value !== undefined) normal[name] = value;
  }
  return normal;
}

const isCompared = ({ part }: Field): boolean => part === undefined || part === 'chosen';

const isNothing: ReadonlySet<Json> = new Set([null, '', false]);

function normalValue(value: Json | undefined, shape: Shape): Json | undefined {
  if (value === undefined || isNothing.has(value)) return undefined;
  if (shape.kind === 'object') return isObject(value) ? normalObject(value, shape) : undefined;
  if (shape.kind === 'list' && Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((item) => normalItem(item, shape.of));
  }
  if (shape.kind === 'map' && isObject(value)) {
    const entries = Object.entries(value);
    return entries.length === 0 ? undefined : newObject(entries);
  }
  return shape.kind === 'duration' ? normalDuration(value) : value;
}

const normalItem = (item: Json, shape: Shape): Json => normalValue(item, shape) ?? null;

function normalDuration(value: Json): Json {
  const seconds = secondsOf(asText(value));
  return seconds === undefined ? value : durationText(seconds);
}

/** The fields in which what is there differs from what is wanted, at the top of the object. */
export function changesOf(have: JsonObject, want: JsonObject, shape: ObjectShape): Change[] {
  const [from, to] = comparable(have, want, shape);
  return Object.keys(shape.fields)
    .filter((name) => canonicalText(from[name]) !== canonicalText(to[name]))
    .map((name) => ({ path: [name], from: from[name], to: to[name] }));
}

/** The same down to fields that can never change. */
export function fixedChanges(
  have: JsonObject,
  want: JsonObject,
  shape: ObjectShape,
  above: Path = [],
): Change[] {
  const [from, to] = comparable(have, want, shape);
  return Object.entries(shape.fields).flatMap(([name, field]) => {
    const one = from[name];
    const other = to[name];
    if (canonicalText(one) === canonicalText(other)) return [];
    const path = [...above, name];
    if (field.isFixed === true) return [{ path, from: one, to: other }];
    if (field.shape.kind !== 'object' || !isObject(one) || !isObject(other)) return [];
    return fixedChanges(one, other, field.shape, path);
  });
}

/** Both in normal form; what the server may choose and nobody named is the same in both. */
function comparable(
  have: JsonObject,
  want: JsonObject,
  shape: ObjectShape,
): [from: JsonObject, to: JsonObject] {
  const from = normalObject(have, shape);
  return [from, withChosen(normalObject(want, shape), from, shape)];
}

function withChosen(want: JsonObject, have: JsonObject, shape: ObjectShape): JsonObject {
  const filled = newObject(Object.entries(want));
  for (const [name, field] of Object.entries(shape.fields)) {
    const there = have[name];
    const wanted = filled[name];
    if (field.part === 'chosen' && wanted === undefined && there !== undefined) {
      filled[name] = there;
    } else if (field.shape.kind === 'object' && isObject(wanted) && isObject(there)) {
      filled[name] = withChosen(wanted, there, field.shape);
    }
  }
  return filled;
}
