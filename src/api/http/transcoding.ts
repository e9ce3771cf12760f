import {
  ScalarType,
  type DescField,
  type DescMessage,
  type DescMethod,
  type Message,
} from '@bufbuild/protobuf';

import { camelCase } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall } from '../route.ts';
import { badRequest, type JsonObject } from '../json/json-body.ts';
import { excerpt, fieldByName, jsonPath, messageFromJson } from '../json/proto-json.ts';
import type { HttpBinding } from './service-bindings.ts';

/** Parameters that every Google API takes; they say nothing to the method. */
const standardParameters = new Set(
  'alt fields key access_token oauth_token callback quotaUser userIp uploadType upload_protocol prettyPrint xgafv'
    .split(' ')
    .flatMap((name) => [name, `$${name}`])
    .concat('$.xgafv'),
);

/** The request message of a REST call: body, then query, then path, the later winning. */
export function transcode(desc: DescMethod, binding: HttpBinding, call: RestCall): Message {
  const json: JsonObject = Object.create(null) as JsonObject;
  if (binding.body === '*') Object.assign(json, call.json());
  else if (binding.body !== '') json[camelCase(binding.body)] = call.json();
  bindQuery(desc.input, call.query, json);
  for (const [path, value] of Object.entries(call.params)) setPath(json, jsonPath(path), value);
  return messageFromJson(desc.input, json);
}

/** For a handler that reads the body alone: a query may only repeat `pathFields`, which win. */
export function refuseQuery(query: URLSearchParams, pathFields: Readonly<object>): void {
  for (const name of query.keys()) {
    if (!standardParameters.has(name) && !Object.hasOwn(pathFields, name)) {
      throw unknownParameter(name);
    }
  }
}

function bindQuery(input: DescMessage, query: URLSearchParams, json: JsonObject): void {
  for (const [name, value] of query) {
    if (standardParameters.has(name)) continue;
    const field = resolvePath(input, name);
    if (field === undefined) throw unknownParameter(name);
    const path = jsonPath(name);
    const item = field.scalar === ScalarType.BOOL ? booleanOf(value) : value;
    if (field.fieldKind === 'list') setPath(json, path, [...listAt(json, path), item]);
    else setPath(json, path, item);
  }
}

/** The words that Google's front ends take for a boolean, in any case; others stay to be refused. */
function booleanOf(text: string): JsonValue {
  if (/^(?:true|t|yes|y|1)$/i.test(text)) return true;
  return /^(?:false|f|no|n|0)$/i.test(text) ? false : text;
}

/** The field that a dotted path names, or undefined if there is none. */
function resolvePath(input: DescMessage, path: string): DescField | undefined {
  let desc: DescMessage | undefined = input;
  let field: DescField | undefined;
  for (const name of path.split('.')) {
    field = desc === undefined ? undefined : fieldByName(desc, name);
    if (field === undefined || field.fieldKind === 'map') return undefined;
    desc = field.fieldKind === 'message' ? field.message : undefined;
  }
  return field;
}

function listAt(json: JsonObject, path: readonly string[]): JsonValue[] {
  let value: JsonValue | undefined = json;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  return Array.isArray(value) ? value : [];
}

/** Sets a value whose path comes from a template or names known fields, so never `__proto__`. */
function setPath(json: JsonObject, path: readonly string[], value: JsonValue): void {
  let at = json;
  for (const name of path.slice(0, -1)) {
    const inner = at[name];
    at = isObject(inner) ? inner : (at[name] = {});
  }
  at[path.at(-1)!] = value;
}

const isObject = (json: JsonValue | undefined): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

function unknownParameter(name: string): Error {
  const shown = excerpt(name);
  const description = `Invalid JSON payload received. Unknown name ${JSON.stringify(shown)}: Cannot bind query parameter. Field '${shown}' could not be found in request message.`;
  return badRequest([{ field: '', description }]);
}
