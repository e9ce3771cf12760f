import {
  fromJson,
  ScalarType,
  toJson,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  type MessageShape,
} from '@bufbuild/protobuf';

import { camelCase } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import { anyTypes } from './any-types.ts';
import { badRequest, invalidPayload, type JsonObject, type Violation } from './json-body.ts';
import { readScalar, scalarTypeName } from './scalar-json.ts';
import { readWellKnown, wrappedField } from './well-known-json.ts';

/**
 * The message that `json` stands for, as Google's front ends read it: both spellings of a name,
 * numbers as strings, either base64. Everything wrong with it is told at once, in their words.
 */
export function messageFromJson<Desc extends DescMessage>(
  desc: Desc,
  json: JsonObject,
): MessageShape<Desc> {
  const violations: Violation[] = [];
  const normal = new JsonReader(violations, desc).message(desc, json, '');
  if (violations.length > 0) throw badRequest(violations);
  return fromJson(desc, normal);
}

/** A message as JSON with lowerCamelCase names, defaults left out. */
export function messageToJson<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): JsonValue {
  const json: unknown = toJson(desc, message, { registry: anyTypes });
  return json as JsonValue;
}

/** The field that `name` means, in its JSON or its proto spelling. */
export function fieldByName(desc: DescMessage, name: string): DescField | undefined {
  return desc.fields.find((field) => field.jsonName === name || field.name === name);
}

/** Violations beyond this are not worth the memory of saying them. */
const violationsMax = 50;

/** Walks JSON beside a descriptor and writes the strict form that protobuf's own parser takes. */
class JsonReader {
  readonly #violations: Violation[];
  /** Whether a wrong value may be a secret, which an error does not repeat. */
  readonly #isSecret: boolean;

  constructor(violations: Violation[], root: DescMessage) {
    this.#violations = violations;
    this.#isSecret = root.typeName.startsWith('google.cloud.kms.');
  }

  message(desc: DescMessage, json: JsonValue, path: string): JsonValue {
    const known = readWellKnown(desc, json, path);
    if (known !== undefined) return 'value' in known ? known.value : this.#refuse(path, known.why);
    const wrapped = wrappedField(desc);
    if (wrapped !== undefined) return this.#single(wrapped, json, path);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      return this.#refuse(path, invalidValue(path, `type.googleapis.com/${desc.typeName}`, json));
    }
    const entries: [string, JsonValue][] = [];
    const choices = new Map<DescOneof, DescField>();
    for (const [name, value] of Object.entries(json)) {
      const field = fieldByName(desc, name);
      if (field === undefined) this.#unknown(name, path, 'Cannot find field.');
      else if (value !== null && this.#isFirst(field, choices, path)) {
        entries.push([field.jsonName, this.#field(field, value, path)]);
      }
    }
    return Object.fromEntries(entries);
  }

  /** Refuses a second member of a oneof; one in both its spellings is one member. */
  #isFirst(field: DescField, choices: Map<DescOneof, DescField>, path: string): boolean {
    const { oneof } = field;
    if (oneof === undefined) return true;
    const chosen = choices.get(oneof);
    choices.set(oneof, chosen ?? field);
    if (chosen === undefined || chosen === field) return true;
    const taken = `oneof field '${oneof.name}' is already set. Cannot set '${field.name}'`;
    this.#refuse(path, `Invalid value at '${path}' (oneof), ${taken}`);
    return false;
  }

  #field(field: DescField, json: JsonValue, parent: string): JsonValue {
    const path = parent === '' ? field.name : `${parent}.${field.name}`;
    if (field.fieldKind === 'list') return this.#list(field, json, path);
    if (field.fieldKind === 'map') return this.#map(field, json, path);
    if (Array.isArray(json)) {
      this.#unknown(field.name, parent, 'Proto field is not repeating, cannot start list.');
      return null;
    }
    return this.#single(field, json, path);
  }

  #list(field: DescField & { fieldKind: 'list' }, json: JsonValue, path: string): JsonValue {
    const items = Array.isArray(json) ? json : [json];
    return items.map((item, index) => this.#element(field, item, `${path}[${index}]`));
  }

  #map(field: DescField & { fieldKind: 'map' }, json: JsonValue, path: string): JsonValue {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      return this.#refuse(path, invalidValue(path, 'Map', json));
    }
    const entries = Object.entries(json).map(([key, value], index): [string, JsonValue] => {
      this.#scalar(ScalarType.STRING, key, `${path}[${index}].key`);
      return [key, this.#mapValue(field, value, `${path}[${index}].value`)];
    });
    return Object.fromEntries(entries);
  }

  #element(field: DescField & { fieldKind: 'list' }, json: JsonValue, path: string): JsonValue {
    if (field.listKind === 'message') return this.message(field.message, json, path);
    if (field.listKind === 'enum') return this.#enum(field.enum, json, path);
    return this.#scalar(field.scalar, json, path);
  }

  #mapValue(field: DescField & { fieldKind: 'map' }, json: JsonValue, path: string): JsonValue {
    if (field.mapKind === 'message') return this.message(field.message, json, path);
    if (field.mapKind === 'enum') return this.#enum(field.enum, json, path);
    return this.#scalar(field.scalar, json, path);
  }

  #single(field: DescField, json: JsonValue, path: string): JsonValue {
    if (field.fieldKind === 'message') return this.message(field.message, json, path);
    if (field.fieldKind === 'enum') return this.#enum(field.enum, json, path);
    return this.#scalar(field.scalar ?? ScalarType.STRING, json, path);
  }

  #enum(desc: DescEnum, json: JsonValue, path: string): JsonValue {
    const found = desc.values.find(
      (value) => value.name === json || value.number === json || String(value.number) === json,
    );
    if (found !== undefined) return found.name;
    return this.#refuse(path, invalidValue(path, `type.googleapis.com/${desc.typeName}`, json));
  }

  #scalar(type: ScalarType, json: JsonValue, path: string): JsonValue {
    const read = readScalar(type, json);
    if (read !== undefined) return read;
    if (type === ScalarType.BYTES && typeof json === 'string') {
      const shown = this.#isSecret ? '' : ` for ${JSON.stringify(excerpt(json))}`;
      const why = `Invalid value at '${path}' (TYPE_BYTES), Base64 decoding failed${shown}`;
      return this.#refuse(path, why);
    }
    return this.#refuse(path, invalidValue(path, scalarTypeName(type), json));
  }

  #unknown(name: string, path: string, what: string): void {
    const where = path === '' ? '' : ` at '${path}'`;
    const told = `Unknown name ${JSON.stringify(excerpt(name))}${where}: ${what}`;
    this.#refuse(path, invalidPayload(told).message);
  }

  #refuse(field: string, description: string): null {
    if (this.#violations.length < violationsMax) this.#violations.push({ field, description });
    return null;
  }
}

/** `Invalid value at 'labels' (Map), "x"`: a nested value is not shown. */
export function invalidValue(path: string, type: string, json: JsonValue): string {
  const shown =
    typeof json === 'object' && json !== null
      ? 'Starting an object on a scalar field'
      : JSON.stringify(typeof json === 'string' ? excerpt(json) : json);
  return `Invalid value at '${path}' (${type}), ${shown}`;
}

/** So much of a text as belongs in an error about it. */
export function excerpt(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return short.toWellFormed();
}

/** A query parameter's or path's field path in the JSON spelling. */
export function jsonPath(path: string): string[] {
  return path.split('.').map(camelCase);
}
