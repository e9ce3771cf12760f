import { decodeMessage, type Delivery } from '../../broker/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';

/** A PublishResponse in JSON; ids are decimal digits. */
export function writePublishResponse(ids: readonly string[]): Buffer {
  return Buffer.from(`{\n  "messageIds": [\n    "${ids.join('",\n    "')}"\n  ]\n}\n`, 'latin1');
}

const noMessages = Buffer.from('{}\n');

/** A PullResponse in JSON, printed as production prints it; `{}` if there is nothing. */
export function writePullResponse(batch: readonly Delivery[]): Uint8Array {
  if (batch.length === 0) return noMessages;
  const items = batch.map(writeReceivedMessage).join(',\n');
  return Buffer.from(`{\n  "receivedMessages": [\n${items}\n  ]\n}\n`);
}

/** Ack ids, message ids and timestamps are our own and need no escaping. */
function writeReceivedMessage(delivery: Delivery): string {
  const { data, attributes, orderingKey } = decodeMessage(delivery.bytes);
  const fields: string[] = [];
  if (data.length > 0) fields.push(`"data": "${toBase64(data)}"`);
  if (attributes.length > 0) fields.push(`"attributes": ${writeAttributes(attributes)}`);
  fields.push(
    `"messageId": "${delivery.messageId}"`,
    `"publishTime": "${formatTimestamp(delivery.publishTimeMs)}"`,
  );
  if (orderingKey !== '') fields.push(`"orderingKey": ${JSON.stringify(orderingKey)}`);
  const attempt =
    delivery.deliveryAttempt > 0 ? `,\n      "deliveryAttempt": ${delivery.deliveryAttempt}` : '';
  const message = fields.join(',\n        ');
  return `    {
      "ackId": "${delivery.ackId}",
      "message": {
        ${message}
      }${attempt}
    }`;
}

function writeAttributes(attributes: readonly (readonly [string, string])[]): string {
  const lines = attributes.map(
    ([key, value]) => `          ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  return `{\n${lines.join(',\n')}\n        }`;
}

const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
