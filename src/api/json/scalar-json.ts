import { ScalarType } from '@bufbuild/protobuf';

import type { JsonValue } from '../json.ts';
import { decodeBase64 } from './base64.ts';

/** A scalar in protobuf's strict JSON form, or undefined if `json` is not a value of its type. */
export function readScalar(type: ScalarType, json: JsonValue): JsonValue | undefined {
  switch (type) {
    case ScalarType.STRING:
      return typeof json === 'string' && json.isWellFormed() ? json : undefined;
    case ScalarType.BOOL:
      return readBool(json);
    case ScalarType.BYTES:
      return typeof json === 'string' ? decodeBase64(json, false)?.toString('base64') : undefined;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return readNumber(json);
    default:
      return readInteger(json, ranges[type] ?? ranges[ScalarType.INT32]!);
  }
}

/** `TYPE_INT32`, as Google's error texts name it. */
export function scalarTypeName(type: ScalarType): string {
  return `TYPE_${ScalarType[type]}`;
}

interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

const signed = (bits: bigint): Range => ({
  min: -(2n ** (bits - 1n)),
  max: 2n ** (bits - 1n) - 1n,
});
const unsigned = (bits: bigint): Range => ({ min: 0n, max: 2n ** bits - 1n });

const ranges: Readonly<Partial<Record<ScalarType, Range>>> = {
  [ScalarType.INT32]: signed(32n),
  [ScalarType.SINT32]: signed(32n),
  [ScalarType.SFIXED32]: signed(32n),
  [ScalarType.UINT32]: unsigned(32n),
  [ScalarType.FIXED32]: unsigned(32n),
  [ScalarType.INT64]: signed(64n),
  [ScalarType.SINT64]: signed(64n),
  [ScalarType.SFIXED64]: signed(64n),
  [ScalarType.UINT64]: unsigned(64n),
  [ScalarType.FIXED64]: unsigned(64n),
};

/** As a string: it is exact, and protobuf's parser takes either. */
function readInteger(json: JsonValue, range: Range): string | undefined {
  const isInteger =
    typeof json === 'number'
      ? Number.isInteger(json)
      : typeof json === 'string' && /^-?\d{1,20}$/.test(json);
  if (!isInteger) return undefined;
  const value = BigInt(json as number | string);
  return value >= range.min && value <= range.max ? String(value) : undefined;
}

function readBool(json: JsonValue): boolean | undefined {
  if (typeof json === 'boolean') return json;
  if (json === 'true') return true;
  return json === 'false' ? false : undefined;
}

function readNumber(json: JsonValue): JsonValue | undefined {
  if (typeof json === 'number') return json;
  if (typeof json !== 'string' || json.trim() === '') return undefined;
  return Number.isFinite(Number(json)) ? Number(json) : undefined;
}
