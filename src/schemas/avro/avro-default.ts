import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import {
  maxAvroDepth,
  nameOf,
  type AvroEnum,
  type AvroFixed,
  type AvroPrimitive,
  type AvroRecord,
  type AvroType,
} from './avro-type.ts';

/**
 * Refuses a default that is no value of its field's type: of the first branch for a union, and for
 * bytes a string of characters up to U+00FF.
 *
 * @throws SchemaError
 */
export function checkDefault(value: unknown, type: AvroType, where: string): void {
  if (!isValue(value, type, 0)) {
    const expected = type.kind === 'union' ? type.branches[0] : type;
    const name = expected === undefined ? 'an empty union' : nameOf(expected);
    throw new SchemaError(`The default of the ${where} is no ${quoted(name)}.`);
  }
}

function isValue(value: unknown, type: AvroType, depth: number): boolean {
  if (depth > maxAvroDepth) return false;
  switch (type.kind) {
    case 'union':
      return type.branches[0] !== undefined && isValue(value, type.branches[0], depth + 1);
    case 'array':
      return Array.isArray(value) && value.every((item) => isValue(item, type.items, depth + 1));
    case 'map':
    case 'record':
      return isObject(value) && isMembers(value, type, depth);
    default:
      return isLeaf(value, type);
  }
}

function isLeaf(value: unknown, type: AvroPrimitive | AvroEnum | AvroFixed): boolean {
  switch (type.kind) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return typeof value === 'number' && isNumber(value, type.kind);
    default:
      return typeof value === 'string' && isText(value, type);
  }
}

function isText(value: string, type: AvroPrimitive | AvroEnum | AvroFixed): boolean {
  if (type.kind === 'enum') return type.symbols.has(value);
  if (type.kind === 'string') return value.isWellFormed();
  return isLatin1(value) && (type.kind !== 'fixed' || value.length === type.size);
}

function isNumber(value: number, kind: 'int' | 'long' | 'float' | 'double'): boolean {
  if (kind === 'int') return (value | 0) === value;
  // 2^63 itself may be a rounded 2^63 - 1, the largest long.
  if (kind === 'long') return Number.isInteger(value) && Math.abs(value) <= 2 ** 63;
  return Number.isFinite(kind === 'float' ? Math.fround(value) : value);
}

function isMembers(
  value: Readonly<Record<string, unknown>>,
  type: Extract<AvroType, { kind: 'map' | 'record' }>,
  depth: number,
): boolean {
  if (type.kind === 'record') return isRecord(value, type, depth);
  return Object.values(value).every((member) => isValue(member, type.values, depth + 1));
}

function isRecord(
  value: Readonly<Record<string, unknown>>,
  type: AvroRecord,
  depth: number,
): boolean {
  let requiredCount = 0;
  for (const [name, member] of Object.entries(value)) {
    const field = type.fields[type.fieldAt.get(name) ?? -1];
    if (field === undefined || !isValue(member, field.type, depth + 1)) return false;
    if (!field.hasDefault) requiredCount++;
  }
  return requiredCount === type.requiredCount;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether each character stands for one byte, as those of bytes do in Avro's JSON. */
export function isLatin1(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}
