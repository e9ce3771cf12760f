import { assert } from '../../runtime/index.ts';
import type { SealableMessage } from '../service.ts';
import { varintBytes, WireReader, writeVarint } from '../wire/index.ts';

/** Where a dead letter comes from; it stands in attributes of the copy. */
export interface DeadLetterOrigin {
  /** Failed deliveries: nacks and passed deadlines. */
  readonly failures: number;
  /** `projects/P/subscriptions/S`. */
  readonly subscription: string;
  readonly publishTimeMs: number;
}

const prefix = 'CloudPubSubDeadLetterSource';
const attributesTag = 0x12;
const orderingKeyTag = 0x2a;

/**
 * The message that goes to the dead letter topic: all that the original has, ordering key included,
 * and attributes that say where it comes from. Those of an earlier journey are replaced, all others
 * stay, so that the limits of a publish may be passed: the copy goes through all the same.
 *
 * The bytes are the copy's own, and opened ones: fill them with zeros once they were published.
 */
export function deadLetterCopy(message: Uint8Array, origin: DeadLetterOrigin): SealableMessage {
  const added = originAttributes(origin);
  const { kept, orderingKey } = keptFields(message, new Set(added.map(([key]) => key)));
  const entries = added.map(attributeField);
  const size = [...kept, ...entries].reduce((sum, part) => sum + part.length, 0);
  // Never from a pool: it holds opened bytes.
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const part of [...kept, ...entries]) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, orderingKey };
}

function originAttributes(origin: DeadLetterOrigin): (readonly [string, string])[] {
  const [, project = '', , subscription = ''] = origin.subscription.split('/');
  // Production writes the offset of UTC, where other timestamps have a Z.
  const time = new Date(origin.publishTimeMs).toISOString().replace('Z', '+00:00');
  return [
    [`${prefix}DeliveryCount`, String(origin.failures)],
    [`${prefix}Subscription`, subscription],
    [`${prefix}SubscriptionProject`, project],
    [`${prefix}TopicPublishTime`, time],
  ];
}

/** The fields that stay, as views, neighbours together; the key's bytes, one to a character. */
function keptFields(
  message: Uint8Array,
  dropped: ReadonlySet<string>,
): { readonly kept: Uint8Array[]; readonly orderingKey: string } {
  const reader = new WireReader(message);
  const kept: Uint8Array[] = [];
  let orderingKey = '';
  let from = 0;
  while (reader.ok && reader.at < reader.end) {
    const fieldAt = reader.at;
    const tag = reader.varint();
    const length = reader.length();
    const end = reader.at + length;
    if (tag === orderingKeyTag) orderingKey = latin1(message, reader.at, end);
    if (tag === attributesTag && dropped.has(attributeKey(message, reader.at, end))) {
      kept.push(message.subarray(from, fieldAt));
      from = end;
    }
    reader.at = end;
  }
  assert(reader.ok, 'a stored message is not in wire form');
  kept.push(message.subarray(from));
  return { kept, orderingKey };
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
