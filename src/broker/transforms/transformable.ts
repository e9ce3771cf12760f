import type { TransformableMessage, TransformOutcome } from '../../transforms/index.ts';
import { limits, tooLarge } from '../limits.ts';
import type { SealableMessage } from '../service.ts';
import { decodeMessage, sealableMessage } from '../wire/index.ts';

/** A batch that is transformed at once, beside a single larger message. */
const batchMessagesMax = 100;
const batchBytesMax = 1024 * 1024;

export type Transformed = Extract<TransformOutcome, { readonly kind: 'transformed' }>;

/** A message in wire form as transforms take it; its data are a view. */
export function transformable(
  bytes: Uint8Array,
  published?: { readonly messageId: string; readonly publishTimeMs: number },
): TransformableMessage {
  const { data, attributes, orderingKey } = decodeMessage(bytes);
  const rest = published ?? { messageId: '' };
  return { data, attributes: Object.fromEntries(attributes), orderingKey, ...rest };
}

/** What a transform made of a message, checked like one that is published. Throws as that does. */
export function transformedMessage(
  { data, attributes }: Transformed,
  orderingKey: string,
): SealableMessage {
  const parts = { data, attributes: Object.entries(attributes), orderingKey };
  const message = sealableMessage(parts);
  const { requestBytesMax } = limits;
  const { length } = message.bytes;
  if (length > requestBytesMax) throw tooLarge('message_size', length, requestBytesMax);
  return message;
}

/** In runs that are not too long for one turn of what transforms them. */
export function* batches<Item extends { readonly bytes: Uint8Array }>(
  items: readonly Item[],
): Iterable<readonly Item[]> {
  for (let at = 0; at < items.length;) {
    const end = at + batchLength(items, at);
    yield items.slice(at, end);
    at = end;
  }
}

function batchLength(items: readonly { readonly bytes: Uint8Array }[], at: number): number {
  let bytes = 0;
  let count = 0;
  for (; count < batchMessagesMax && at + count < items.length; count++) {
    bytes += items[at + count]!.bytes.length;
    if (count > 0 && bytes > batchBytesMax) break;
  }
  return count;
}
