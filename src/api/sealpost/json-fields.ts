import { camelCase, snakeCase, type RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import { decodeBase64 } from '../json/base64.ts';
import { badRequest, invalidPayload, type JsonObject } from '../json/json-body.ts';

/**
 * A JSON message of an API whose descriptors are not vendored, read field by field: names in either
 * spelling, null as absent, and Google's texts for what is unknown or of the wrong type.
 */
export class JsonFields {
  readonly #values: ReadonlyMap<string, JsonValue>;
  readonly #path: string;
  readonly #spelled: (name: string) => string;

  /**
   * `known` are all fields of the message, in lowerCamelCase; `path` is where it stands in the body;
   * errors name its fields as `spelled` writes them.
   *
   * @throws RpcError INVALID_ARGUMENT on an unknown field
   */
  constructor(
    json: JsonObject,
    known: readonly string[],
    path: string = '',
    spelled: (name: string) => string = snakeCase,
  ) {
    const values = new Map<string, JsonValue>();
    for (const [given, value] of Object.entries(json)) {
      const name = camelCase(given);
      if (!known.includes(name)) throw unknownName(given, path);
      if (value !== null) values.set(name, value);
    }
    this.#values = values;
    this.#path = path;
    this.#spelled = spelled;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Whether there is more in it than an empty object, list or text, false or zero. */
  isFilled(name: string): boolean {
    const value = this.#values.get(name) ?? null;
    if (value === null || typeof value !== 'object') return Boolean(value);
    return Object.keys(value).length > 0;
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.#invalid(name, 'TYPE_STRING');
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.#invalid(name, 'TYPE_BOOL');
  }

  /** An integer of at most 2^53, as a number or as a string of digits. */
  integer(name: string, type: 'TYPE_INT32' | 'TYPE_INT64'): number | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const isDigits = typeof value === 'string' && /^-?[0-9]{1,16}$/.test(value);
    const number = typeof value === 'number' || isDigits ? Number(value) : Number.NaN;
    if (Number.isSafeInteger(number)) return number;
    throw this.#invalid(name, type);
  }

  /** Base64 or base64url, padded or not. A wrong value is not shown: it may be a secret. */
  bytes(name: string): Uint8Array | undefined {
    const text = this.text(name);
    const bytes = text === undefined ? undefined : decodeBase64(text, false);
    if (text === undefined || bytes !== undefined) return bytes;
    throw this.refuse(
      name,
      `Invalid value at '${this.path(name)}' (TYPE_BYTES), Base64 decoding failed`,
    );
  }

  /** As `text`, of a value that may be a secret: an error does not show it. */
  secret(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.refuse(name, `Invalid value at '${this.path(name)}' (TYPE_STRING)`);
  }

  /** One of an enum's names; `type` is the enum's full name. */
  enumName<T extends string>(name: string, type: string, values: readonly T[]): T | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const found = values.find((one) => one === value);
    if (found !== undefined) return found;
    throw this.#invalid(name, `type.googleapis.com/${type}`);
  }

  message(name: string, known: readonly string[], type: string): JsonFields | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.#invalid(name, `type.googleapis.com/${type}`);
    return new JsonFields(value, known, this.path(name), this.#spelled);
  }

  messages(name: string, known: readonly string[], type: string): JsonFields[] {
    return this.#items(name).map((item, index) => {
      const at = `${name}[${index}]`;
      if (!isObject(item)) throw this.#invalid(at, `type.googleapis.com/${type}`, item);
      return new JsonFields(item, known, this.path(at), this.#spelled);
    });
  }

  texts(name: string): string[] {
    return this.#items(name).map((item, index) => {
      if (typeof item === 'string') return item;
      throw this.#invalid(`${name}[${index}]`, 'TYPE_STRING', item);
    });
  }

  textMap(name: string): Record<string, string> | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.#invalid(name, 'Map');
    for (const item of Object.values(value)) {
      if (typeof item !== 'string') throw this.#invalid(name, 'TYPE_STRING', item);
    }
    return value as Record<string, string>;
  }

  #items(name: string): JsonValue[] {
    const value = this.#values.get(name) ?? [];
    if (Array.isArray(value)) return value;
    throw this.#invalid(name, 'List');
  }

  /** Where a field stands in the body; where the message itself does if `name` is empty. */
  path(name: string): string {
    const own = this.#spelled(name);
    if (own === '') return this.#path;
    return this.#path === '' ? own : `${this.#path}.${own}`;
  }

  #invalid(name: string, type: string, value: JsonValue = this.#values.get(name)!): RpcError {
    return this.refuse(name, `Invalid value at '${this.path(name)}' (${type}), ${shown(value)}`);
  }

  /** INVALID_ARGUMENT for a field. */
  refuse(name: string, description: string): RpcError {
    return badRequest([{ field: this.path(name), description }]);
  }
}

/** For a body of which nothing is used. @throws RpcError INVALID_ARGUMENT on an unknown field */
export function refuseOthers(json: JsonObject, known: readonly string[]): void {
  const unknown = Object.keys(json).find((given) => !known.includes(camelCase(given)));
  if (unknown !== undefined) throw unknownName(unknown, '');
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownName(name: string, path: string): Error {
  const where = path === '' ? '' : ` at '${path}'`;
  const quoted = JSON.stringify(name.slice(0, 200).toWellFormed());
  return invalidPayload(`Unknown name ${quoted}${where}: Cannot find field.`, path);
}

function shown(value: JsonValue): string {
  if (typeof value === 'object') return 'Starting an object on a scalar field';
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 200).toWellFormed() : value);
}
