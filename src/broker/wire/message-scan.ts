import { isUtf8 } from 'node:buffer';

import { invalidArgument, limits, tooLarge } from '../limits.ts';
import type { SealableMessage } from '../service.ts';
import { rebuildMessage } from './message-codec.ts';
import { WireReader } from './varint.ts';

/** Tag bytes of PubsubMessage (pubsub.v1): every field is length-delimited. */
export const messageTags = {
  data: 0x0a,
  attributes: 0x12,
  messageId: 0x1a,
  publishTime: 0x22,
  orderingKey: 0x2a,
} as const;

/** What one pass over a message found: where its parts are and whether it can be sealed as it is. */
interface Findings {
  dataAt: number;
  dataEnd: number;
  keyAt: number;
  keyEnd: number;
  attributeCount: number;
  /** Holds nothing but fields 1, 2 and 5, the first and last at most once, and no odd attribute. */
  isPlain: boolean;
}

/**
 * Checks one serialised PubsubMessage in one pass: wire types, UTF-8, limits, field numbers.
 *
 * A message of only data, attributes and ordering key is returned as a view of the request, ready
 * to be sealed; anything else (ids and times that publishers must not set, unknown fields,
 * repeated scalars) is rebuilt without it.
 */
export function scanMessage(
  bytes: Buffer,
  at: number,
  end: number,
  index: number,
): SealableMessage {
  const reader = new WireReader(bytes, at, end);
  const findings = findFields(reader, index);
  const { dataAt, dataEnd, keyAt, keyEnd } = findings;
  if (dataEnd === dataAt && findings.attributeCount === 0) throw emptyMessage(index);
  const orderingKey = keyEnd > keyAt ? bytes.toString('latin1', keyAt, keyEnd) : '';
  if (orderingKey !== '') checkOrderingKey(bytes, keyAt, keyEnd, index);
  const isPlain = findings.isPlain && (findings.attributeCount < 2 || !hasTwins(bytes, at, end));
  return { bytes: isPlain ? bytes.subarray(at, end) : rebuildMessage(bytes, at, end), orderingKey };
}

function findFields(reader: WireReader, index: number): Findings {
  const found = { dataAt: 0, dataEnd: 0, keyAt: 0, keyEnd: 0, attributeCount: 0, isPlain: true };
  let dataSeen = false;
  let keySeen = false;
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === messageTags.data) {
      const length = reader.length();
      found.dataAt = reader.at;
      found.dataEnd = reader.at += length;
      if (dataSeen) found.isPlain = false;
      dataSeen = true;
    } else if (tag === messageTags.attributes) {
      scanAttribute(reader, found, index);
    } else if (tag === messageTags.orderingKey) {
      const length = reader.length();
      found.keyAt = reader.at;
      found.keyEnd = reader.at += length;
      if (keySeen || length === 0) found.isPlain = false;
      keySeen = true;
    } else {
      skipOther(reader, tag);
      found.isPlain = false;
    }
  }
  if (!reader.ok) throw malformed(index);
  return found;
}

function scanAttribute(reader: WireReader, found: Findings, index: number): void {
  const length = reader.length();
  if (reader.ok && !checkAttribute(reader, length, index)) found.isPlain = false;
  if (++found.attributeCount > limits.attributesMax) throw tooManyAttributes(found);
}

/** Passes over a field that is not sealed; a known one of the wrong wire type is an error. */
function skipOther(reader: WireReader, tag: number): void {
  const field = tag >>> 3;
  const wireType = tag & 7;
  if (field === 0 || (field <= 5 && wireType !== 2)) reader.ok = false;
  else reader.skip(wireType);
}

/** True if it is one key and at most one value, and nothing else: what may be sealed as it is. */
function checkAttribute(outer: WireReader, length: number, index: number): boolean {
  const reader = new WireReader(outer.bytes, outer.at, outer.at + length);
  outer.at += length;
  let keyCount = 0;
  let otherCount = 0;
  let keyAt = 0;
  let keyEnd = 0;
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === 0x0a || tag === 0x12) {
      const partLength = reader.length();
      const partAt = reader.at;
      reader.at += partLength;
      if (!reader.ok) break;
      if (tag === 0x0a) {
        keyCount++;
        keyAt = partAt;
        keyEnd = reader.at;
        if (partLength > limits.attributeKeyBytesMax) {
          throw tooLarge('attribute_key_size', partLength, limits.attributeKeyBytesMax);
        }
      } else {
        otherCount++;
        if (partLength > limits.attributeValueBytesMax) {
          throw tooLarge('attribute_value_size', partLength, limits.attributeValueBytesMax);
        }
      }
      checkText(reader.bytes, partAt, reader.at, `messages[${index}].attributes`);
    } else {
      otherCount += 2;
      reader.skip(tag & 7);
    }
  }
  if (!reader.ok) throw malformed(index);
  checkAttributeKey(reader.bytes, keyAt, keyEnd, index);
  return keyCount === 1 && otherCount <= 1;
}

const goog: Uint8Array = Buffer.from('goog');
/** Official clients hand their trace context on in attributes of this prefix. */
const googclient: Uint8Array = Buffer.from('googclient_');

function checkAttributeKey(bytes: Uint8Array, at: number, end: number, index: number): void {
  if (end === at) throw invalidArgument(`messages[${index}].attributes: a key must not be empty`);
  const isReserved = startsWith(bytes, at, end, goog);
  if (isReserved && !startsWith(bytes, at, end, googclient)) {
    throw invalidArgument(`messages[${index}].attributes: a key must not start with "goog"`);
  }
}

function startsWith(bytes: Uint8Array, at: number, end: number, prefix: Uint8Array): boolean {
  return end - at >= prefix.length && prefix.every((byte, i) => bytes[at + i] === byte);
}

function checkOrderingKey(bytes: Uint8Array, at: number, end: number, index: number): void {
  if (end - at > limits.orderingKeyBytesMax) {
    throw tooLarge('ordering_key_size', end - at, limits.orderingKeyBytesMax);
  }
  checkText(bytes, at, end, `messages[${index}].ordering_key`);
}

/** ASCII, which is nearly all of it, is decided here; the rest by the runtime's validator. */
function checkText(bytes: Uint8Array, at: number, end: number, field: string): void {
  for (let i = at; i < end; i++) {
    if (bytes[i]! < 0x80) continue;
    if (!isUtf8(bytes.subarray(at, end))) throw invalidArgument(`${field}: not valid UTF-8`);
    return;
  }
}

/** True if two attributes have one key: protobuf lets the last one win, so they are rebuilt. */
function hasTwins(bytes: Buffer, at: number, end: number): boolean {
  const reader = new WireReader(bytes, at, end);
  const keys = new Set<string>();
  let count = 0;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    const length = reader.length();
    if (tag === messageTags.attributes) {
      count++;
      keys.add(attributeKey(bytes, reader.at, reader.at + length));
    }
    reader.at += length;
  }
  return keys.size < count;
}

function attributeKey(bytes: Buffer, at: number, end: number): string {
  const reader = new WireReader(bytes, at, end);
  let key = '';
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    if (tag !== 0x0a) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.length();
    key = bytes.toString('latin1', reader.at, reader.at + length);
    reader.at += length;
  }
  return key;
}

const malformed = (index: number): Error =>
  invalidArgument(`messages[${index}]: not a valid serialised PubsubMessage`);

const emptyMessage = (index: number): Error =>
  invalidArgument(`messages[${index}]: must have non-empty data or at least one attribute`);

const tooManyAttributes = (found: Findings): Error =>
  tooLarge('attribute_count', found.attributeCount, limits.attributesMax);
