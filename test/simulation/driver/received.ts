import { decodeMessage, type Delivery } from '../../../src/broker/index.ts';
import { assert } from '../../../src/runtime/index.ts';
import type { ModelDelivery } from '../model/message.ts';

/** A delivery as the model compares it. */
export function deliveryOf(delivery: Delivery): ModelDelivery {
  const { data, attributes, orderingKey } = decodeMessage(delivery.bytes);
  const { ackId, messageId, publishTimeMs, deliveryAttempt } = delivery;
  return {
    ...contentOf(Buffer.from(data).toString()),
    key: orderingKey,
    attributes: Object.fromEntries(attributes),
    ackId,
    messageId,
    publishTimeMs,
    deliveryAttempt,
  };
}

/** Data is a name, a space and padding. */
export function contentOf(data: string): { readonly text: string; readonly padding: number } {
  const [text = '', padding = ''] = data.split(' ');
  assert(/^x*$/.test(padding), `${text} came with other data`);
  return { text, padding: padding.length };
}
