import { isUtf8 } from 'node:buffer';
import { JsonCursor, type JsonKind } from '../json-cursor.ts';
import { quoted, Violation } from '../violation.ts';
import { isLatin1 } from './avro-default.ts';
import {
  maxAvroDepth,
  nameOf,
  type AvroEnum,
  type AvroFixed,
  type AvroPrimitive,
  type AvroRecord,
  type AvroType,
  type AvroUnion,
} from './avro-type.ts';

const maxLong = 2n ** 63n - 1n;

/**
 * Reads a message in Avro's JSON encoding: unions as `{"type": value}`, bytes as strings of
 * characters up to U+00FF; every field is there, once, and no other.
 *
 * @throws Violation
 */
export function checkAvroJson(type: AvroType, data: Uint8Array): void {
  if (!isUtf8(data)) throw new Violation('The message is not JSON: it is not UTF-8.');
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8');
  const cursor = new JsonCursor(text);
  new AvroJson(cursor).value(type, 0);
  cursor.end();
}

class AvroJson {
  readonly #json: JsonCursor;

  constructor(json: JsonCursor) {
    this.#json = json;
  }

  value(type: AvroType, depth: number): void {
    if (depth > maxAvroDepth) {
      throw new Violation(`The message is nested more than ${maxAvroDepth} deep.`);
    }
    switch (type.kind) {
      case 'record':
        return this.#record(type, depth);
      case 'map':
        return this.#map(type.values, depth);
      case 'array':
        this.#expect('array');
        return this.#json.array(() => this.value(type.items, depth + 1));
      case 'union':
        return this.#union(type, depth);
      default:
        return this.#leaf(type);
    }
  }

  #leaf(type: AvroPrimitive | AvroEnum | AvroFixed): void {
    switch (type.kind) {
      case 'null':
        this.#expect('null');
        return this.#json.literal('null');
      case 'boolean':
        this.#expect('boolean');
        return this.#json.boolean();
      case 'int':
      case 'long':
        return this.#integer(type.kind);
      case 'float':
      case 'double':
        return this.#float(type.kind);
      default:
        return this.#string(type);
    }
  }

  #string(type: AvroPrimitive | AvroEnum | AvroFixed): void {
    this.#expect('string');
    const text = this.#json.string();
    if (type.kind === 'enum') {
      if (type.symbols.has(text)) return;
      throw new Violation(`${quoted(text)} is no symbol of the enum ${type.name}.`);
    }
    if (type.kind === 'string') {
      if (text.isWellFormed()) return;
      throw new Violation('A string has half of a surrogate pair.');
    }
    if (!isLatin1(text)) throw new Violation('A string of bytes has characters above U+00FF.');
    if (type.kind === 'fixed' && text.length !== type.size) {
      throw new Violation(`${type.name} has ${type.size} bytes, not ${text.length}.`);
    }
  }

  #integer(kind: 'int' | 'long'): void {
    this.#expect('number_integer');
    const digits = this.#json.number();
    const isInRange = kind === 'int' ? isInt(Number(digits)) : isLong(digits);
    if (!isInRange) throw new Violation(`${quoted(digits)} is out of the range of ${kind}.`);
  }

  #float(kind: 'float' | 'double'): void {
    const actual = this.#json.kind();
    if (actual !== 'number_integer') this.#expect('number_float');
    const digits = this.#json.number();
    const value = Number(digits);
    if (!Number.isFinite(kind === 'float' ? Math.fround(value) : value)) {
      throw new Violation(`${quoted(digits)} is out of the range of ${kind}.`);
    }
  }

  #record(record: AvroRecord, depth: number): void {
    this.#expect('object');
    const seen = new Set<number>();
    this.#json.object((name) => {
      const at = record.fieldAt.get(name);
      if (at === undefined) throw new Violation(`${record.name} has no field ${quoted(name)}.`);
      if (seen.has(at)) throw new Violation(`${record.name} has ${quoted(name)} twice.`);
      seen.add(at);
      this.#field(record.fields[at]!, depth);
    });
    if (seen.size === record.fields.length) return;
    const missing = record.fields.find((_, at) => !seen.has(at));
    throw new Violation(`${record.name} lacks its field ${quoted(missing?.name ?? '')}.`);
  }

  #field({ name, type }: AvroRecord['fields'][number], depth: number): void {
    try {
      this.value(type, depth + 1);
    } catch (error) {
      throw error instanceof Violation ? error.within(name) : error;
    }
  }

  #map(values: AvroType, depth: number): void {
    this.#expect('object');
    const seen = new Set<string>();
    this.#json.object((key) => {
      if (seen.has(key)) throw new Violation(`A map has the key ${quoted(key)} twice.`);
      if (!key.isWellFormed()) throw new Violation('A key has half of a surrogate pair.');
      seen.add(key);
      this.value(values, depth + 1);
    });
  }

  /** Null for null, else an object whose one member is named as its branch. */
  #union(union: AvroUnion, depth: number): void {
    if (this.#json.kind() === 'null' && union.branchOf.has('null')) {
      return this.#json.literal('null');
    }
    this.#expect('object');
    let members = 0;
    this.#json.object((name) => {
      const branch = name === 'null' ? undefined : union.branchOf.get(name);
      if (branch === undefined || members++ > 0) {
        throw new Violation(
          `${quoted(name)} names no branch of the union of ${branchesOf(union)}.`,
        );
      }
      this.value(branch, depth + 1);
    });
    if (members === 0) throw new Violation('An empty object names no branch of a union.');
  }

  #expect(expected: JsonKind): void {
    const actual = this.#json.kind();
    if (actual === expected) return;
    throw new Violation(
      `JSON object with type ${actual} does not match schema which expected ${expected}`,
    );
  }
}

function branchesOf(union: AvroUnion): string {
  const names = union.branches.slice(0, 5).map(nameOf).join(', ');
  return union.branches.length > 5 ? `${names}, …` : names;
}

function isInt(value: number): boolean {
  return value >= -(2 ** 31) && value < 2 ** 31;
}

function isLong(digits: string): boolean {
  if (digits.length < 16) return true;
  if (digits.length > 20) return false;
  const value = BigInt(digits);
  return value <= maxLong && value >= -maxLong - 1n;
}
