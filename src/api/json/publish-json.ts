import { isAscii } from 'node:buffer';

import {
  limits,
  sealableMessage,
  tooLarge,
  type ParsedPublish,
  type SealableMessage,
} from '../../broker/index.ts';
import type { JsonValue } from '../json.ts';
import { checkMessageCount } from '../pubsub/validation.ts';
import { decodeBase64 } from './base64.ts';
import { badRequest, invalidPayload, parseUnchecked, type JsonObject } from './json-body.ts';
import { excerpt, invalidValue } from './proto-json.ts';
import { scanPublishRequest, type ScannedMessage } from './publish-scan.ts';

const noBytes = new Uint8Array(0);

/**
 * The messages of a PublishRequest in JSON, straight into the form in which they are sealed.
 * Throws INVALID_ARGUMENT with Google's texts; limits of single messages are `sealableMessage`'s.
 */
export function readPublishRequest(body: Uint8Array): SealableMessage[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const scanned = scanPublishRequest(bytes);
  if (scanned !== undefined) return sealableMessages(scanned);
  // The path says which topic; what is said here has to fit, and does nothing.
  return parsedPublish(parseUnchecked(bytes), '', isAsciiText(bytes)).messages;
}

/** What a scanner found, checked against every limit. */
export function sealableMessages(scanned: readonly ScannedMessage[]): SealableMessage[] {
  checkMessageCount(scanned.length);
  const messages = scanned.map(sealableMessage);
  checkRequestSize(messages);
  return messages;
}

/**
 * The same by way of JSON.parse, for what a scanner does not know, and to say what is wrong.
 * `parent` is the path of the request in what was sent.
 */
export function parsedPublish(
  request: JsonObject,
  parent: string,
  isAsciiOnly: boolean,
): ParsedPublish {
  const prefix = parent === '' ? '' : `${parent}.`;
  let topic = '';
  let items: JsonValue = [];
  for (const name of Object.keys(request)) {
    if (name === 'messages') items = request[name] ?? [];
    else if (name !== 'topic') throw unknownName(name, parent);
    else if (request[name] !== null) topic = readText(request[name]!, `${prefix}topic`);
  }
  if (!Array.isArray(items)) throw wrongValue(`${prefix}messages`, messageType, items);
  checkMessageCount(items.length);
  const messages = items.map((item, index) =>
    readMessage(item, `${prefix}messages[${index}]`, isAsciiOnly),
  );
  checkRequestSize(messages);
  return { topic, messages };
}

/** True if no string in the text has a character beyond ASCII. */
export function isAsciiText(body: Buffer): boolean {
  return isAscii(body) && !body.includes('\\u');
}

const messageType = 'type.googleapis.com/google.pubsub.v1.PubsubMessage';

function readMessage(json: JsonValue, path: string, isAsciiOnly: boolean): SealableMessage {
  if (!isObject(json)) throw wrongValue(path, messageType, json);
  let data: Uint8Array = noBytes;
  let attributes: [string, string][] = [];
  let orderingKey = '';
  for (const name of Object.keys(json)) {
    const value = json[name]!;
    if (value === null) continue;
    if (name === 'data') data = readData(value, path, isAsciiOnly);
    else if (name === 'attributes') attributes = readAttributes(value, path);
    else if (name === 'orderingKey' || name === 'ordering_key') {
      orderingKey = readText(value, `${path}.ordering_key`);
    } else checkIgnored(name, value, path);
  }
  return sealableMessage({ data, attributes, orderingKey });
}

/** Fields that only the server sets: publishers may send them back to us, if they fit. */
function checkIgnored(name: string, value: JsonValue, path: string): void {
  if (name === 'messageId' || name === 'message_id') readText(value, `${path}.message_id`);
  else if (name !== 'publishTime' && name !== 'publish_time') throw unknownName(name, path);
  else if (typeof value !== 'string') {
    throw wrongValue(
      `${path}.publish_time`,
      'type.googleapis.com/google.protobuf.Timestamp',
      value,
    );
  }
}

function readData(json: JsonValue, path: string, isAsciiOnly: boolean): Uint8Array {
  if (typeof json !== 'string') throw wrongValue(`${path}.data`, 'TYPE_BYTES', json);
  const bytes = decodeBase64(json, isAsciiOnly);
  if (bytes !== undefined) return bytes;
  const shown = JSON.stringify(excerpt(json));
  const description = `Invalid value at '${path}.data' (TYPE_BYTES), Base64 decoding failed for ${shown}`;
  throw badRequest([{ field: `${path}.data`, description }]);
}

/** Own entries only: `__proto__` is a key like any other. */
function readAttributes(json: JsonValue, path: string): [string, string][] {
  if (!isObject(json)) throw wrongValue(`${path}.attributes`, 'Map', json);
  return Object.entries(json).map(([key, value], index) => [
    readText(key, `${path}.attributes[${index}].key`),
    readText(value, `${path}.attributes[${index}].value`),
  ]);
}

function readText(json: JsonValue, path: string): string {
  if (typeof json === 'string' && json.isWellFormed()) return json;
  throw wrongValue(path, 'TYPE_STRING', json);
}

/** Against the size that the request would have in protobuf, which is what production limits. */
function checkRequestSize(messages: readonly SealableMessage[]): void {
  let size = 0;
  for (const { bytes } of messages) size += bytes.length + 5;
  if (size > limits.requestBytesMax) throw tooLarge('request_size', size, limits.requestBytesMax);
}

const isObject = (json: JsonValue): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

function wrongValue(path: string, type: string, json: JsonValue): Error {
  return badRequest([{ field: path, description: invalidValue(path, type, json) }]);
}

function unknownName(name: string, path: string): Error {
  const where = path === '' ? '' : ` at '${path}'`;
  return invalidPayload(
    `Unknown name ${JSON.stringify(excerpt(name))}${where}: Cannot find field.`,
    path,
  );
}
