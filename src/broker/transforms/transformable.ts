import type { TransformableMessage, TransformOutcome } from '../../transforms/index.ts';
import { limits, tooLarge } from '../limits.ts';
import type { SealableMessage } from '../service.ts';
import { decodeMessage, sealableMessage } from '../wire/index.ts';

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
