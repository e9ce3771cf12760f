import type { DescField, DescMessage } from '@bufbuild/protobuf';

import { camelCase } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';

/** A well-known type's strict JSON form, or what Google says of a wrong one. */
export type WellKnownRead = { readonly value: JsonValue } | { readonly why: string };

/** protobuf's own bound of a Duration: ten thousand years. */
const durationSecondsMax = 315_576_000_000;

/** Reads types that JSON writes as something else than an object; undefined for all others. */
export function readWellKnown(
  desc: DescMessage,
  json: JsonValue,
  path: string,
): WellKnownRead | undefined {
  switch (desc.typeName) {
    case 'google.protobuf.Duration':
      return (
        readDuration(json) ??
        refusal(desc, path, "Illegal duration format; duration must end with 's'")
      );
    case 'google.protobuf.Timestamp':
      return (
        readTimestamp(json) ?? refusal(desc, path, 'Invalid time format: Failed to parse input')
      );
    case 'google.protobuf.FieldMask':
      return readFieldMask(json) ?? refusal(desc, path, 'Invalid field mask');
    case 'google.protobuf.Struct':
      return isObject(json) ? { value: json } : refusal(desc, path, 'Invalid struct');
    default:
      return undefined;
  }
}

/** The one field of a wrapper, which JSON writes in the wrapper's place; undefined for others. */
export function wrappedField(desc: DescMessage): DescField | undefined {
  return wrappers.has(desc.typeName) ? desc.fields[0] : undefined;
}

const wrappers: ReadonlySet<string> = new Set(
  ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    (name) => `google.protobuf.${name}Value`,
  ),
);

const refusal = (desc: DescMessage, path: string, what: string): WellKnownRead => ({
  why: `Invalid value at '${path}' (type.googleapis.com/${desc.typeName}), Field '${path}', ${what}`,
});

const isObject = (json: JsonValue): boolean =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

function readDuration(json: JsonValue): WellKnownRead | undefined {
  if (typeof json !== 'string' || !/^-?\d{1,12}(?:\.\d{1,9})?s$/.test(json)) return undefined;
  const seconds = Number(json.slice(0, -1));
  return Math.abs(seconds) <= durationSecondsMax ? { value: json } : undefined;
}

const rfc3339 = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
/** Years 1 to 9999 in UTC, which is what a Timestamp may hold. */
const timestampMsMin = Date.parse('0001-01-01T00:00:00Z');
const timestampMsMax = Date.parse('9999-12-31T23:59:59.999Z');

function readTimestamp(json: JsonValue): WellKnownRead | undefined {
  if (typeof json !== 'string') return undefined;
  const day = rfc3339.exec(json)?.[1];
  if (day === undefined || !isInCalendar(day)) return undefined;
  const ms = Date.parse(json);
  return ms >= timestampMsMin && ms <= timestampMsMax ? { value: json } : undefined;
}

/** JavaScript takes February 30th for a day of March. */
function isInCalendar(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

/** JSON masks are lowerCamelCase; clients send either, so both are taken. */
function readFieldMask(json: JsonValue): WellKnownRead | undefined {
  if (typeof json !== 'string') return undefined;
  const paths = json.split(',').map((path) => path.trim());
  const known = paths.filter((path) => path !== '');
  if (!known.every((path) => /^[A-Za-z][A-Za-z0-9_.]*$/.test(path))) return undefined;
  const value = known.map(camelCase).join(',');
  // An underscore that begins no word has no lowerCamelCase.
  return value.includes('_') ? undefined : { value };
}
