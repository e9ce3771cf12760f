import type { Delivery } from '../service.ts';
import { varintBytes, writeVarint } from './varint.ts';

export interface SubscriptionProperties {
  readonly exactlyOnce: boolean;
  readonly ordering: boolean;
}

/** Serialises a PullResponse (pubsub.v1): opened messages are spliced in, never parsed. */
export function encodePullResponse(batch: readonly Delivery[]): Buffer {
  const sizes = measure(batch);
  const out = Buffer.allocUnsafe(sizes.total);
  writeBatch(out, 0, 0x0a, batch, sizes.each);
  return out;
}

/**
 * Serialises any message that ends with ReceivedMessages (pubsub.v1) in a repeated field: `tag` is
 * that field's, `headOf` is given the bytes that they will take and says what stands before them.
 */
export function encodeReceivedMessages(
  batch: readonly Delivery[],
  tag: number,
  headOf: (listBytes: number) => Uint8Array,
): Buffer {
  const sizes = measure(batch);
  const head = headOf(sizes.total);
  const out = Buffer.allocUnsafe(head.length + sizes.total);
  out.set(head, 0);
  writeBatch(out, head.length, tag, batch, sizes.each);
  return out;
}

/** Serialises a StreamingPullResponse (pubsub.v1); the properties stand in every one. */
export function encodeStreamingPullResponse(
  batch: readonly Delivery[],
  properties: SubscriptionProperties,
): Buffer {
  const sizes = measure(batch);
  const tail = propertiesField(properties);
  const out = Buffer.allocUnsafe(sizes.total + tail.length);
  const end = writeBatch(out, 0, 0x0a, batch, sizes.each);
  out.set(tail, end);
  return out;
}

/** subscription_properties = 4 { exactly_once_delivery_enabled = 1, message_ordering_enabled = 2 } */
function propertiesField(properties: SubscriptionProperties): number[] {
  const inner: number[] = [];
  if (properties.exactlyOnce) inner.push(0x08, 1);
  if (properties.ordering) inner.push(0x10, 1);
  return [0x22, inner.length, ...inner];
}

interface Sizes {
  readonly total: number;
  /** Bytes of each ReceivedMessage, and of the PubsubMessage in it, in turns. */
  readonly each: Uint32Array;
}

function measure(batch: readonly Delivery[]): Sizes {
  const each = new Uint32Array(batch.length * 2);
  let total = 0;
  for (let i = 0; i < batch.length; i++) {
    const delivery = batch[i]!;
    const message = messageBytes(delivery);
    const received =
      fieldBytes(delivery.ackId.length) + fieldBytes(message) + attemptBytes(delivery);
    each[2 * i] = received;
    each[2 * i + 1] = message;
    total += fieldBytes(received);
  }
  return { total, each };
}

const fieldBytes = (length: number): number => 1 + varintBytes(length) + length;

function attemptBytes(delivery: Delivery): number {
  return delivery.deliveryAttempt > 0 ? 1 + varintBytes(delivery.deliveryAttempt) : 0;
}

function messageBytes(delivery: Delivery): number {
  const timestamp = timestampBytes(delivery.publishTimeMs);
  return delivery.bytes.length + fieldBytes(delivery.messageId.length) + 2 + timestamp;
}

/** Both fields of the Timestamp are written even when zero, so that a client never sees none. */
function timestampBytes(timeMs: number): number {
  const seconds = Math.floor(timeMs / 1000);
  return 2 + varintBytes(seconds) + varintBytes((timeMs - seconds * 1000) * 1_000_000);
}

function writeBatch(
  out: Buffer,
  start: number,
  tag: number,
  batch: readonly Delivery[],
  sizes: Uint32Array,
): number {
  let at = start;
  for (let i = 0; i < batch.length; i++) {
    const delivery = batch[i]!;
    out[at] = tag;
    at = writeVarint(out, at + 1, sizes[2 * i]!);
    at = writeText(out, at, 0x0a, delivery.ackId);
    out[at] = 0x12;
    at = writeVarint(out, at + 1, sizes[2 * i + 1]!);
    at = writeMessage(out, at, delivery);
    if (delivery.deliveryAttempt > 0) {
      out[at] = 0x18;
      at = writeVarint(out, at + 1, delivery.deliveryAttempt);
    }
  }
  return at;
}

function writeMessage(out: Buffer, start: number, delivery: Delivery): number {
  out.set(delivery.bytes, start);
  let at = writeText(out, start + delivery.bytes.length, 0x1a, delivery.messageId);
  const timeMs = delivery.publishTimeMs;
  const seconds = Math.floor(timeMs / 1000);
  out[at] = 0x22;
  out[at + 1] = timestampBytes(timeMs);
  out[at + 2] = 0x08;
  at = writeVarint(out, at + 3, seconds);
  out[at] = 0x10;
  return writeVarint(out, at + 1, (timeMs - seconds * 1000) * 1_000_000);
}

function writeText(out: Buffer, at: number, tag: number, text: string): number {
  out[at] = tag;
  const textAt = writeVarint(out, at + 1, text.length);
  return textAt + out.write(text, textAt, 'latin1');
}
