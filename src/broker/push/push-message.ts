import { formatTimestamp } from '../../rpc/index.ts';
import type { Delivery, PushConfig } from '../service.ts';
import { decodeMessage, type MessageParts } from '../wire/index.ts';
import { attributeHeaders, isHeaderText } from './push-headers.ts';

/** Body and headers of one push request. Owns its bytes. */
export interface PushMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What endpoints see as the sender (docs/push.md). */
const userAgent = 'Sealpost';

/** The request that brings a message to an endpoint; copies what it needs of `delivery`. */
export function pushMessage(
  delivery: Delivery,
  subscription: string,
  config: PushConfig,
): PushMessage {
  const parts = decodeMessage(delivery.bytes);
  if (config.noWrapper === undefined) return wrapped(delivery, parts, subscription);
  const headers = config.noWrapper.writeMetadata
    ? metadataHeaders(delivery, parts, subscription)
    : new Map<string, string>();
  if (!headers.has('content-type')) headers.set('content-type', 'application/octet-stream');
  headers.set('user-agent', userAgent);
  return { headers: Object.fromEntries(headers), body: new Uint8Array(parts.data) };
}

const wrappedHeaders = { 'content-type': 'application/json', 'user-agent': userAgent } as const;

/** Ids, times and the subscription's name are of our own alphabet and need no escaping. */
function wrapped(delivery: Delivery, parts: MessageParts, subscription: string): PushMessage {
  const { messageId, publishTimeMs, deliveryAttempt } = delivery;
  const { data, orderingKey } = parts;
  const time = formatTimestamp(publishTimeMs);
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  const message =
    (parts.attributes.length > 0 ? `"attributes":${attributesJson(parts)},` : '') +
    (data.length > 0 ? `"data":"${base64}",` : '') +
    `"messageId":"${messageId}","message_id":"${messageId}",` +
    (orderingKey === '' ? '' : `"orderingKey":${JSON.stringify(orderingKey)},`) +
    `"publishTime":"${time}","publish_time":"${time}"`;
  const attempt = deliveryAttempt > 0 ? `,"deliveryAttempt":${deliveryAttempt}` : '';
  const json = `{"message":{${message}},"subscription":"${subscription}"${attempt}}`;
  return { headers: wrappedHeaders, body: Buffer.from(json) };
}

/** By hand: a key may be `__proto__`, which an object would not keep. */
function attributesJson({ attributes }: MessageParts): string {
  const fields = attributes.map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  );
  return `{${fields.join(',')}}`;
}

function metadataHeaders(
  { messageId, publishTimeMs }: Delivery,
  { attributes, orderingKey }: MessageParts,
  subscription: string,
): Map<string, string> {
  const headers = attributeHeaders(attributes);
  headers.set('x-goog-pubsub-subscription-name', subscription);
  headers.set('x-goog-pubsub-message-id', messageId);
  headers.set('x-goog-pubsub-publish-time', formatTimestamp(publishTimeMs));
  const orderingName = 'x-goog-pubsub-ordering-key';
  if (orderingKey !== '' && isHeaderText(orderingName, orderingKey)) {
    headers.set(orderingName, orderingKey);
  }
  return headers;
}

/**
 * An upper bound of the bodies of `count` messages that are sealed as `bytes` together: base64 makes
 * four bytes of three, JSON makes at most six of one in an attribute, and the rest has its limits.
 */
export function bodyBytesMax(bytes: number, count: number): number {
  const attributeBytesMax = 512 * 1024;
  const escaped = 6 * Math.min(bytes, attributeBytesMax);
  return escaped + Math.ceil((4 / 3) * Math.max(0, bytes - attributeBytesMax)) + count * 1_024;
}

/** What a request takes while it is under way. */
export function heldBytes({ headers, body }: PushMessage): number {
  let bytes = body.length;
  for (const [name, value] of Object.entries(headers)) bytes += name.length + value.length;
  return bytes;
}
