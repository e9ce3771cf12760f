import { createHash } from 'node:crypto';
import type { Incoming, Outgoing } from './pubsub-client.ts';

/** Begins every payload, attribute and ordering key. 30 bytes: its base64 depends on no neighbour. */
export const marker = 'SEALPOST-CRASH-PLAINTEXT-MARK:';

/** A message that says which it is and proves that it is whole. */
export function payloadOf(key: string, fillerBytes: number, isOrdered: boolean): Outgoing {
  const filler = `${key}/`.repeat(Math.ceil(fillerBytes / (key.length + 1))).slice(0, fillerBytes);
  const text = `${marker}${key}|${filler}|`;
  const data = Buffer.from(text + digestOf(text));
  return {
    data,
    attributes: { key: marker + key },
    ...(isOrdered ? { orderingKey: `${marker}order` } : {}),
  };
}

/** The key of a message that came back as it was sent; null if one byte of it is not right. */
export function keyOf(message: Incoming): string | null {
  const text = message.data.subarray(0, -64).toString();
  const key = /^[^|]*/.exec(text.slice(marker.length))?.[0] ?? '';
  const isWhole =
    text.startsWith(marker) &&
    digestOf(text) === message.data.subarray(-64).toString() &&
    message.attributes['key'] === marker + key &&
    (message.orderingKey === '' || message.orderingKey === `${marker}order`);
  return isWhole ? key : null;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
