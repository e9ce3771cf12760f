import { isUtf8 } from 'node:buffer';

import { parse, YAMLParseError } from 'yaml';

import { RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import { checkDepth, invalidPayload, parseJsonObject, type JsonObject } from '../json/json-body.ts';
import type { RestCall } from '../route.ts';

/** Beyond what any service of one container needs; YAML takes far longer to read than JSON. */
const objectBytesMax = 262_144;

const hours = 'run.googleapis.com/encryption-key-shutdown-hours';

const yamlTypes = /^(?:application|text)\/(?:x-|vnd\.)?yaml$/;

/** Whether a media type, or one of a list of them, is YAML's (RFC 9512 and those before it). */
export function isYaml(types: string | undefined): boolean {
  const all = types?.toLowerCase().split(',') ?? [];
  return all.some((type) => yamlTypes.test(type.split(';', 1)[0]!.trim()));
}

/**
 * The object in a request's body, which is YAML if its Content-Type says so, and JSON otherwise.
 *
 * @throws RpcError INVALID_ARGUMENT for what is none, with the line where it ends being one
 */
export function parseObject({ body, contentType }: RestCall): JsonObject {
  if (body.length > objectBytesMax) {
    const message = `Request payload size exceeds the limit: ${objectBytesMax} bytes.`;
    throw new RpcError('INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE', message);
  }
  return isYaml(contentType) ? parseYaml(body) : parseJsonObject(body);
}

function parseYaml(body: Uint8Array): JsonObject {
  if (!isUtf8(body)) throw invalidPayload('Encountered non UTF-8 code points.');
  const value = valueOf(new TextDecoder().decode(body));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidPayload('Unknown name "": Root element must be a message.');
  }
  checkDepth(value);
  return value;
}

function valueOf(text: string): JsonValue {
  try {
    // Anchors could make a short text a huge object: none are read.
    const options = { maxAliasCount: 0, prettyErrors: false, logLevel: 'error' } as const;
    return parse(text, hoursAsText, options) as JsonValue;
  } catch (error) {
    throw invalidPayload(problemOf(error, text));
  }
}

/** The page on Cloud Run with CMEK writes hours without quotes; annotations are text. */
function hoursAsText(name: unknown, value: unknown): unknown {
  return name === hours && Number.isSafeInteger(value) ? String(value) : value;
}

function problemOf(error: unknown, text: string): string {
  if (!(error instanceof YAMLParseError)) return 'The YAML has an alias, or nests too deeply.';
  const before = text.slice(0, error.pos[0]).split('\n');
  return `YAML line ${before.length}, column ${before.at(-1)!.length + 1}: ${error.code}.`;
}
