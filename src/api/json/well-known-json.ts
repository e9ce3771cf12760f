import type { DescMessage } from '@bufbuild/protobuf';

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

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function readTimestamp(json: JsonValue): WellKnownRead | undefined {
  if (typeof json !== 'string' || !rfc3339.test(json)) return undefined;
  return Number.isNaN(Date.parse(json)) ? undefined : { value: json };
}

/** JSON masks are lowerCamelCase; clients send either, so both are taken. */
function readFieldMask(json: JsonValue): WellKnownRead | undefined {
  if (typeof json !== 'string') return undefined;
  const paths = json.split(',').map((path) => path.trim());
  const known = paths.filter((path) => path !== '');
  if (!known.every((path) => /^[A-Za-z][A-Za-z0-9_.]*$/.test(path))) return undefined;
  return { value: known.map(camelCase).join(',') };
}
