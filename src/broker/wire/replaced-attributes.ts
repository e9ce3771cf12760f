import { assert } from '../../runtime/index.ts';
import { varintBytes, WireReader, writeVarint } from './varint.ts';

const dataTag = 0x0a;
const attributesTag = 0x12;
const orderingKeyTag = 0x2a;

/** Attributes in wire form, and their keys. */
export interface EncodedAttributes {
  readonly keys: ReadonlySet<string>;
  readonly fields: Uint8Array;
}

/** Keys are ASCII. */
export function encodeAttributes(
  attributes: readonly (readonly [string, string])[],
): EncodedAttributes {
  const fields = Buffer.concat(attributes.map(attributeField));
  return { keys: new Set(attributes.map(([key]) => key)), fields };
}

/** A message that was checked, without its attributes of certain keys; views of its bytes. */
export interface KeptFields {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** The ordering key's bytes, one to a character. */
  readonly orderingKey: string;
}

/** What stays of a message once the attributes of `dropped` are gone. */
export function keptFields(message: Uint8Array, dropped: ReadonlySet<string>): KeptFields {
  const reader = new WireReader(message);
  const parts: Uint8Array[] = [];
  let orderingKey = '';
  let from = 0;
  while (reader.ok && reader.at < reader.end) {
    const fieldAt = reader.at;
    const tag = reader.varint();
    const length = reader.length();
    const end = reader.at + length;
    if (tag === orderingKeyTag) orderingKey = latin1(message, reader.at, end);
    if (tag === attributesTag && dropped.has(attributeKey(message, reader.at, end))) {
      parts.push(message.subarray(from, fieldAt));
      from = end;
    }
    reader.at = end;
  }
  assert(reader.ok, 'a checked message is not in wire form');
  parts.push(message.subarray(from));
  return { parts, bytes: parts.reduce((sum, part) => sum + part.length, 0), orderingKey };
}

/** The data of a message that was checked, as a view. */
export function messageData(message: Uint8Array): Uint8Array {
  const reader = new WireReader(message);
  let data = message.subarray(0, 0);
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    const length = reader.length();
    const end = reader.at + length;
    if (tag === dataTag) data = message.subarray(reader.at, end);
    reader.at = end;
  }
  assert(reader.ok, 'a checked message is not in wire form');
  return data;
}

/** Writes the parts one after the other from `at` on; returns where the next byte goes. */
export function writeParts(out: Uint8Array, at: number, parts: readonly Uint8Array[]): number {
  let next = at;
  for (const part of parts) {
    out.set(part, next);
    next += part.length;
  }
  return next;
}

function attributeKey(message: Uint8Array, at: number, end: number): string {
  const reader = new WireReader(message, at, end);
  let key = '';
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    const length = reader.length();
    if (tag === 0x0a) key = latin1(message, reader.at, reader.at + length);
    reader.at += length;
  }
  return key;
}

function latin1(bytes: Uint8Array, at: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');
}

/** One entry of the attributes' map, with the field's own tag and length. */
function attributeField([key, value]: readonly [string, string]): Uint8Array {
  const parts = [Buffer.from(key), Buffer.from(value)];
  const entryBytes = parts.reduce((sum, part) => sum + fieldBytes(part.length), 0);
  const field = new Uint8Array(fieldBytes(entryBytes));
  field[0] = attributesTag;
  let at = writeVarint(field, 1, entryBytes);
  for (const [i, part] of parts.entries()) {
    field[at] = i === 0 ? 0x0a : 0x12;
    at = writeVarint(field, at + 1, part.length);
    field.set(part, at);
    at += part.length;
  }
  return field;
}

const fieldBytes = (length: number): number => 1 + varintBytes(length) + length;
