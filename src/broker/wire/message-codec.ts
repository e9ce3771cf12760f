import { invalidArgument, limits, tooLarge } from '../limits.ts';
import type { SealableMessage } from '../service.ts';
import { varintBytes, WireReader, writeVarint } from './varint.ts';

/** A message in parts, as JSON surfaces read and write it. */
export interface MessageParts {
  readonly data: Uint8Array;
  /** Keys are unique; any string is a key, `__proto__` too. */
  readonly attributes: readonly (readonly [string, string])[];
  readonly orderingKey: string;
}

/** Serialises and checks a message given in parts; throws as pubsub.v1 Publish does. */
export function sealableMessage(parts: MessageParts): SealableMessage {
  if (parts.data.length === 0 && parts.attributes.length === 0) {
    throw invalidArgument('messages: must have non-empty data or at least one attribute');
  }
  if (parts.attributes.length > limits.attributesMax) {
    throw tooLarge('attribute_count', parts.attributes.length, limits.attributesMax);
  }
  const orderingKeyBytes = Buffer.byteLength(parts.orderingKey);
  if (orderingKeyBytes > limits.orderingKeyBytesMax) {
    throw tooLarge('ordering_key_size', orderingKeyBytes, limits.orderingKeyBytesMax);
  }
  for (const [key, value] of parts.attributes) checkAttribute(key, value);
  const orderingKey =
    parts.orderingKey === '' ? '' : Buffer.from(parts.orderingKey).toString('latin1');
  return { bytes: encodeMessage(parts), orderingKey };
}

function checkAttribute(key: string, value: string): void {
  if (key === '') throw invalidArgument('messages.attributes: a key must not be empty');
  if (key.startsWith('goog') && !key.startsWith('googclient_')) {
    throw invalidArgument('messages.attributes: a key must not start with "goog"');
  }
  const keyBytes = Buffer.byteLength(key);
  if (keyBytes > limits.attributeKeyBytesMax) {
    throw tooLarge('attribute_key_size', keyBytes, limits.attributeKeyBytesMax);
  }
  const valueBytes = Buffer.byteLength(value);
  if (valueBytes > limits.attributeValueBytesMax) {
    throw tooLarge('attribute_value_size', valueBytes, limits.attributeValueBytesMax);
  }
}

/** PubsubMessage fields 1, 2 and 5 in wire form, without any check. */
function encodeMessage(parts: MessageParts): Buffer {
  const { data, orderingKey } = parts;
  const keyBytes = Buffer.byteLength(orderingKey);
  const entries = parts.attributes.map(([key, value]) => attributeSizes(key, value));
  let size = data.length > 0 ? fieldBytes(data.length) : 0;
  if (keyBytes > 0) size += fieldBytes(keyBytes);
  for (const entry of entries) size += fieldBytes(entry.size);
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  if (data.length > 0) {
    at = writeVarint(out, writeVarint(out, at, 0x0a), data.length);
    out.set(data, at);
    at += data.length;
  }
  for (const entry of entries) {
    at = writeVarint(out, writeVarint(out, at, 0x12), entry.size);
    at = writeText(out, at, 0x0a, entry.key, entry.keyBytes);
    at = writeText(out, at, 0x12, entry.value, entry.valueBytes);
  }
  if (keyBytes > 0) writeText(out, at, 0x2a, orderingKey, keyBytes);
  return out;
}

interface AttributeSizes {
  readonly key: string;
  readonly value: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly size: number;
}

function attributeSizes(key: string, value: string): AttributeSizes {
  const keyBytes = Buffer.byteLength(key);
  const valueBytes = Buffer.byteLength(value);
  return { key, value, keyBytes, valueBytes, size: fieldBytes(keyBytes) + fieldBytes(valueBytes) };
}

/** Bytes of a length-delimited field with a one-byte tag. */
const fieldBytes = (length: number): number => 1 + varintBytes(length) + length;

function writeText(out: Buffer, at: number, tag: number, text: string, bytes: number): number {
  out[at] = tag;
  const textAt = writeVarint(out, at + 1, bytes);
  out.write(text, textAt, 'utf8');
  return textAt + bytes;
}

/** The parts of a message that was checked when it came in. Unknown fields are passed over. */
export function decodeMessage(bytes: Uint8Array): MessageParts {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new WireReader(buffer);
  let data: Uint8Array = noBytes;
  let orderingKey = '';
  let attributes: Map<string, string> | undefined;
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    if (tag !== 0x0a && tag !== 0x12 && tag !== 0x2a) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.length();
    const end = reader.at + length;
    if (tag === 0x0a) data = buffer.subarray(reader.at, end);
    else if (tag === 0x2a) orderingKey = buffer.toString('utf8', reader.at, end);
    else decodeAttribute(buffer, reader.at, end, (attributes ??= new Map()));
    reader.at = end;
  }
  return { data, attributes: attributes === undefined ? [] : [...attributes], orderingKey };
}

const noBytes = new Uint8Array(0);

function decodeAttribute(bytes: Buffer, at: number, end: number, into: Map<string, string>): void {
  const reader = new WireReader(bytes, at, end);
  let key = '';
  let value = '';
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    if (tag !== 0x0a && tag !== 0x12) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.length();
    const text = bytes.toString('utf8', reader.at, reader.at + length);
    reader.at += length;
    if (tag === 0x0a) key = text;
    else value = text;
  }
  into.set(key, value);
}

/** A message that was checked, again with nothing but its fields 1, 2 and 5. */
export function rebuildMessage(bytes: Uint8Array, at: number, end: number): Buffer {
  return encodeMessage(decodeMessage(bytes.subarray(at, end)));
}
