import { isAscii, isUtf8 } from 'node:buffer';

import { RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';

export type JsonObject = { [key: string]: JsonValue };

/** Objects and arrays inside one another, beyond which Google's parser gives up. */
export const jsonDepthMax = 100;

/** `Invalid JSON payload received. …`, with the violation that Google attaches to it. */
export function invalidPayload(what: string, field = ''): RpcError {
  return badRequest([{ field, description: `Invalid JSON payload received. ${what}` }]);
}

export interface Violation {
  /** Path by proto names: `subscription.push_config`; empty at the root. */
  readonly field: string;
  readonly description: string;
}

/** INVALID_ARGUMENT over one or more fields, the descriptions joined as Google joins them. */
export function badRequest(violations: readonly Violation[]): RpcError {
  const message = violations.map((violation) => violation.description).join('\n');
  const fieldViolations = violations.map(({ field, description }) =>
    field === '' ? { description } : { field, description },
  );
  return new RpcError('INVALID_ARGUMENT', 'INVALID_PAYLOAD', message, {
    details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations }],
  });
}

/** Parses a body as a JSON object; an empty one is `{}`. Throws INVALID_ARGUMENT. */
export function parseJsonObject(body: Uint8Array): JsonObject {
  const json = parseUnchecked(body);
  checkDepth(json);
  return json;
}

/** The same without the walk for depth, for readers that descend a fixed number of levels. */
export function parseUnchecked(body: Uint8Array): JsonObject {
  if (body.length === 0) return {};
  const text = decodeText(body);
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw invalidPayload(syntaxProblem(text, error));
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalidPayload('Unknown name "": Root element must be a message.');
  }
  return json;
}

function decodeText(body: Uint8Array): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // One byte per character: base64, which is most of it, then decodes from a flat Latin-1 string.
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (!isUtf8(bytes)) throw invalidPayload('Encountered non UTF-8 code points.');
  return bytes.toString('utf8');
}

/** Texts beyond this are not searched for the place of their error. */
const searchedCharactersMax = 65_536;

/** What is wrong and where, with the line's end and a caret as Google shows them. */
function syntaxProblem(text: string, error: unknown): string {
  const position = statedPosition(error) ?? findPosition(text);
  if (position === undefined) return 'Unexpected token.';
  if (position >= text.length) return 'Unexpected end of string. Expected a value.';
  const from = Math.max(text.lastIndexOf('\n', position - 1) + 1, position - 20);
  const excerpt = text.slice(from, position + 20).split('\n', 1)[0] ?? '';
  return `Unexpected token.\n${excerpt.toWellFormed()}\n${' '.repeat(position - from)}^`;
}

function statedPosition(error: unknown): number | undefined {
  const stated = /at position (\d+)/.exec(String(error))?.[1];
  return stated === undefined ? undefined : Number(stated);
}

/** V8 does not always say where: the shortest prefix that is wrong, not just short, tells. */
function findPosition(text: string): number | undefined {
  if (text.length > searchedCharactersMax) return undefined;
  let sound = 0;
  let broken = text.length + 1;
  while (broken - sound > 1) {
    const middle = (sound + broken) >>> 1;
    if (isBroken(text.slice(0, middle))) broken = middle;
    else sound = middle;
  }
  return broken - 1;
}

function isBroken(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return false;
  } catch (error) {
    const position = statedPosition(error);
    if (position !== undefined) return position < prefix.length;
    return !String(error).includes('Unexpected end');
  }
}

/** Throws INVALID_ARGUMENT if it nests deeper than `jsonDepthMax`. */
export function checkDepth(json: JsonValue, key: string = '', depth: number = 0): void {
  if (typeof json !== 'object' || json === null) return;
  if (depth >= jsonDepthMax) throw tooDeep(key);
  if (Array.isArray(json)) for (const item of json) checkDepth(item, key, depth + 1);
  else for (const name of Object.keys(json)) checkDepth(json[name]!, name, depth + 1);
}

const tooDeep = (key: string): RpcError =>
  badRequest([
    {
      field: '',
      description: `Message too deep. Max recursion depth reached for key '${key.slice(0, 100)}'`,
    },
  ]);
