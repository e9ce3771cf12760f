import { errorBody, type WireError } from '../error-mapping.ts';
import type { JsonValue } from '../json.ts';
import { TextReply, type RestReply } from '../route.ts';

export const jsonType = 'application/json; charset=UTF-8';
export const javaScriptType = 'text/javascript; charset=UTF-8';
export const htmlType = 'text/html; charset=UTF-8';

export interface PrintedReply {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** The bytes of an answer: two spaces of indent and a newline, as Google prints it. */
export function printReply(reply: RestReply, isPretty: boolean): PrintedReply {
  if (reply instanceof TextReply) {
    return { contentType: reply.contentType, bytes: Buffer.from(reply.text) };
  }
  if (!(reply instanceof Uint8Array)) {
    return { contentType: jsonType, bytes: printJson(reply, isPretty) };
  }
  const given = Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength);
  const bytes = isPretty ? given : printJson(JSON.parse(given.toString()) as JsonValue, false);
  return { contentType: jsonType, bytes };
}

export function printError(error: WireError, isPretty: boolean): Buffer {
  return printJson(errorBody(error), isPretty);
}

function printJson(json: JsonValue, isPretty: boolean): Buffer {
  return Buffer.from(isPretty ? `${JSON.stringify(json, null, 2)}\n` : JSON.stringify(json));
}

/** `prettyPrint=false`, by either of its names. */
export function wantsPretty(query: string): boolean {
  if (!query.includes('rettyPrint')) return true;
  const params = new URLSearchParams(query);
  const value = params.get('prettyPrint') ?? params.get('$prettyPrint');
  return value !== 'false' && value !== '0';
}

/** The page that Google's front ends answer to a path that no API serves. */
export function notFoundPage(path: string): string {
  const shown = path.slice(0, 300).replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That’s an error.</ins>
  <p>The requested URL <code>${shown}</code> was not found on this server.  <ins>That’s all we know.</ins>
`;
}
