import { decodeMessage, type Delivery } from '../../broker/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';

/** A PublishResponse in JSON; ids are decimal digits. */
export function writePublishResponse(ids: readonly string[]): Buffer {
  return Buffer.from(`{\n  "messageIds": [\n    "${ids.join('",\n    "')}"\n  ]\n}\n`, 'latin1');
}

const noMessages = Buffer.from('{}\n');

/** What stands before an item, a message's field, an attribute, and after a colon. */
interface Layout {
  readonly item: string;
  readonly part: string;
  readonly field: string;
  readonly attribute: string;
  readonly colon: string;
}

const printed: Layout = {
  item: '\n    ',
  part: '\n      ',
  field: '\n        ',
  attribute: '\n          ',
  colon: ': ',
};
const compact: Layout = { item: '', part: '', field: '', attribute: '', colon: ':' };

/** A PullResponse in JSON, printed as production prints it; `{}` if there is nothing. */
export function writePullResponse(batch: readonly Delivery[]): Uint8Array {
  if (batch.length === 0) return noMessages;
  return Buffer.from(`{\n  "receivedMessages": [${writeList(batch, printed)}\n  ]\n}\n`);
}

/** A list of ReceivedMessages in JSON, without white space. */
export function writeReceivedMessages(batch: readonly Delivery[]): string {
  return `[${writeList(batch, compact)}]`;
}

function writeList(batch: readonly Delivery[], layout: Layout): string {
  return batch.map((delivery) => writeReceivedMessage(delivery, layout)).join(',');
}

/** Ack ids, message ids and timestamps are our own and need no escaping. */
function writeReceivedMessage(delivery: Delivery, layout: Layout): string {
  const { item, part, field, colon } = layout;
  const { data, attributes, orderingKey } = decodeMessage(delivery.bytes);
  let fields = '';
  if (data.length > 0) fields = `${field}"data"${colon}"${toBase64(data)}",`;
  if (attributes.length > 0) {
    fields += `${field}"attributes"${colon}{${writeAttributes(attributes, layout)}${field}},`;
  }
  fields += `${field}"messageId"${colon}"${delivery.messageId}",`;
  fields += `${field}"publishTime"${colon}"${formatTimestamp(delivery.publishTimeMs)}"`;
  if (orderingKey !== '') {
    fields += `,${field}"orderingKey"${colon}${JSON.stringify(orderingKey)}`;
  }
  const attempt =
    delivery.deliveryAttempt > 0
      ? `,${part}"deliveryAttempt"${colon}${delivery.deliveryAttempt}`
      : '';
  return `${item}{${part}"ackId"${colon}"${delivery.ackId}",${part}"message"${colon}{${fields}${part}}${attempt}${item}}`;
}

function writeAttributes(
  attributes: readonly (readonly [string, string])[],
  { attribute, colon }: Layout,
): string {
  return attributes
    .map(([key, value]) => `${attribute}${JSON.stringify(key)}${colon}${JSON.stringify(value)}`)
    .join(',');
}

const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
